// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "mqtt/connect.h"
#include "mqtt/frame.h"
#include "test/unit/mqtt/hex.h"

/* The variable header and the payload; the fixed header is put before it. */
struct row {
    const char *promise;
    const char *body;
    enum mqtt_status status;
};

#define V31  "0006 'MQIsdp' 03 "
#define V311 "0004 'MQTT' 04 "
#define V5   "0004 'MQTT' 05 "

/* clang-format off */
static const struct row rows[] = {
    {"accepts 3.1",                   V31  "02 003c 0001 'x'", MQTT_OK},
    {"accepts 3.1.1",                 V311 "02 003c 0001 'x'", MQTT_OK},
    {"accepts 5",                     V5   "02 003c 00 0001 'x'", MQTT_OK},
    {"accepts a bridge of 3.1.1",     "0004 'MQTT' 84 02 003c 0001 'x'", MQTT_OK},
    {"accepts a bridge of 3.1",       "0006 'MQIsdp' 83 02 003c 0001 'x'", MQTT_OK},
    {"refuses another name",          "0004 'MQTX' 04 02 003c 0001 'x'", MQTT_MALFORMED},      /* MQTT-3.1.2-1, MQTT5-3.1.2-1 */
    {"refuses level 3 as MQTT",       "0004 'MQTT' 03 02 003c 0001 'x'", MQTT_VERSION_NOT_SPOKEN}, /* MQTT-3.1.2-2, MQTT5-3.1.2-2 */
    {"refuses level 6",               "0004 'MQTT' 06 02 003c 0001 'x'", MQTT_VERSION_NOT_SPOKEN},
    {"refuses a bridge of 5",         "0004 'MQTT' 85 02 003c 00 0001 'x'", MQTT_VERSION_NOT_SPOKEN},
    {"refuses the reserved flag",     V311 "03 003c 0001 'x'", MQTT_MALFORMED},               /* MQTT-3.1.2-3, MQTT5-3.1.2-3 */
    {"refuses a will of QoS 3",       V311 "1e 003c 0001 'x' 0001 't' 0001 'm'", MQTT_MALFORMED}, /* MQTT-3.1.2-14, MQTT5-3.1.2-12 */
    {"refuses a QoS without a will",  V311 "0a 003c 0001 'x'", MQTT_MALFORMED},               /* MQTT-3.1.2-13, MQTT5-3.1.2-11 */
    {"refuses retain without a will", V311 "22 003c 0001 'x'", MQTT_MALFORMED},               /* MQTT-3.1.2-15, MQTT5-3.1.2-13 */
    {"refuses a lone password",       V311 "42 003c 0001 'x' 0001 'p'", MQTT_MALFORMED},      /* MQTT-3.1.2-22 */
    {"accepts a lone password in 5",  V5   "42 003c 00 0001 'x' 0001 'p'", MQTT_OK},
    {"accepts user and password",     V311 "c2 003c 0001 'x' 0001 'u' 0002 00ff", MQTT_OK},
    {"refuses NUL in a client id",    V311 "02 003c 0002 'x' 00", MQTT_MALFORMED},            /* MQTT-3.1.3-4, MQTT-1.5.3-2 */
    {"refuses a surrogate",           V311 "02 003c 0003 eda080", MQTT_MALFORMED},            /* MQTT-1.5.3-1 */
    {"refuses an overlong form",      V311 "02 003c 0002 c0af", MQTT_MALFORMED},              /* MQTT-3.1.3-3, MQTT5-3.1.3-3 */
    {"refuses a cut sequence",        V311 "02 003c 0002 'x' c3", MQTT_MALFORMED},
    {"refuses beyond U+10FFFF",       V311 "02 003c 0004 f4908080", MQTT_MALFORMED},
    {"accepts a byte order mark",     V311 "02 003c 0003 efbbbf", MQTT_OK},                   /* MQTT-1.5.3-3 */
    {"refuses NUL in a username",     V311 "82 003c 0001 'x' 0001 00", MQTT_MALFORMED},       /* MQTT-3.1.3-11, MQTT5-3.1.3-12 */
    {"refuses bytes after the end",   V311 "02 003c 0001 'x' 00", MQTT_MALFORMED},            /* MQTT-3.1.3-1, MQTT5-3.1.3-1 */
    {"refuses a length beyond it",    V311 "02 003c 0009 'x'", MQTT_MALFORMED},
    {"refuses an empty id kept",      V311 "00 003c 0000", MQTT_CLIENT_ID_INVALID},           /* MQTT-3.1.3-8 */
    {"forgives a missing username in 3.1", V31 "82 003c 0001 'x'", MQTT_OK},
    {"forgives a missing password in 3.1", V31 "c2 003c 0001 'x' 0001 'u'", MQTT_OK},
    {"refuses a missing username",    V311 "82 003c 0001 'x'", MQTT_MALFORMED},               /* MQTT-3.1.2-19, MQTT5-3.1.2-17 */
    {"accepts an empty id clean",     V311 "02 003c 0000", MQTT_OK},
    {"refuses an empty id in 3.1",    V31  "02 003c 0000", MQTT_CLIENT_ID_INVALID},
    {"accepts an empty id in 5",      V5   "00 003c 00 0000", MQTT_OK},
    {"accepts a retained will QoS 2", V311 "36 003c 0001 'x' 0001 't' 0001 'm'", MQTT_OK},
    {"accepts an empty will payload", V311 "06 003c 0001 'x' 0001 't' 0000", MQTT_OK},
    {"refuses an empty will topic",   V311 "06 003c 0001 'x' 0000 0001 'm'", MQTT_MALFORMED}, /* MQTT-3.1.3-10, MQTT5-3.1.3-11 */
    {"refuses a wildcard will topic", V311 "06 003c 0001 'x' 0001 '#' 0001 'm'", MQTT_MALFORMED},
    {"refuses a missing will",        V311 "06 003c 0001 'x'", MQTT_MALFORMED},
    {"accepts every property",        V5   "02 003c 28 1100000009 21000a 2700001000 220005 1901 1700 26 0001 'k' 0001 'v' 15 0001 'm' 16 0001 'd' 26 0000 0000 0001 'x'", MQTT_OK},
    {"refuses a property twice",      V5   "02 003c 06 21000a 21000a 0001 'x'", MQTT_PROTOCOL_ERROR},
    {"refuses a property of CONNACK", V5   "02 003c 02 2401 0001 'x'", MQTT_MALFORMED},
    {"refuses an unknown property",   V5   "02 003c 02 7f00 0001 'x'", MQTT_MALFORMED},
    {"refuses receive maximum 0",     V5   "02 003c 03 210000 0001 'x'", MQTT_PROTOCOL_ERROR},
    {"refuses packet size 0",         V5   "02 003c 05 2700000000 0001 'x'", MQTT_PROTOCOL_ERROR},
    {"refuses a boolean of 2",        V5   "02 003c 02 1702 0001 'x'", MQTT_PROTOCOL_ERROR},
    {"refuses data without method",   V5   "02 003c 04 16 0001 'd' 0001 'x'", MQTT_PROTOCOL_ERROR},
    {"refuses a cut property",        V5   "02 003c 02 2100 0001 'x'", MQTT_MALFORMED},
    {"refuses a length that is long", V5   "02 003c 8000 0001 'x'", MQTT_MALFORMED},          /* MQTT5-1.5.5-1 */
    {"accepts will properties",       V5   "06 003c 00 0001 'x' 07 1800000005 0101 0001 't' 0001 'm'", MQTT_OK},
    {"refuses a CONNECT property in a will", V5 "06 003c 00 0001 'x' 03 21000a 0001 't' 0001 'm'", MQTT_MALFORMED},
    {"refuses a will that is no text", V5  "06 003c 00 0001 'x' 02 0101 0001 't' 0001 ff", MQTT_PAYLOAD_NO_TEXT},
    {"refuses a wildcard answer topic", V5 "06 003c 00 0001 'x' 04 08 0001 '#' 0001 't' 0001 'm'", MQTT_PROTOCOL_ERROR}, /* MQTT5-3.3.2-14 */
};
/* clang-format on */

static size_t packet_of(uint8_t out[static HEX_ROOM], const char *body)
{
    uint8_t bytes[HEX_ROOM];
    size_t length = hex_read(bytes, body);
    struct bytes_writer writer = bytes_writer_of(out, HEX_ROOM);
    mqtt_frame_encode(&writer, MQTT_CONNECT, 0, (uint32_t)length);
    bytes_put(&writer, bytes, length);
    assert_true(bytes_writer_ok(&writer));
    return writer.length;
}

static void keeps_every_rule_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t packet[HEX_ROOM];
        struct mqtt_connect connect;
        size_t length = packet_of(packet, rows[i].body);
        enum mqtt_status status = mqtt_connect_decode(&connect, packet, length);
        if (status != rows[i].status)
            fail_msg("%s: status %d, not %d", rows[i].promise, (int)status, (int)rows[i].status);
    }
}

/* A packet that is cut anywhere, its length made to fit, is never taken for a whole one. */
static void refuses_a_packet_that_is_cut_at_any_length(void **state)
{
    (void)state;
    uint8_t bytes[HEX_ROOM];
    size_t whole = hex_read(bytes, V5 "c6 003c 03 21000a 0001 'x' 05 1800000005 0001 't' 0001 'm' "
                                      "0001 'u' 0001 'p'");
    for (size_t cut = 0; cut < whole; cut++) {
        uint8_t packet[HEX_ROOM];
        struct mqtt_connect connect;
        struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
        mqtt_frame_encode(&out, MQTT_CONNECT, 0, (uint32_t)cut);
        bytes_put(&out, bytes, cut);
        assert_int_not_equal(mqtt_connect_decode(&connect, packet, out.length), MQTT_OK);
    }
}

static void reads_what_the_client_said(void **state)
{
    (void)state;
    uint8_t packet[HEX_ROOM];
    struct mqtt_connect connect;
    size_t length = packet_of(packet, V5 "f6 001e 08 1100000009 21000a 0005 'meter' 07 1800000005 "
                                         "0101 0003 'a/b' 0002 'hi' 0004 'user' 0002 'pw'");
    assert_int_equal(mqtt_connect_decode(&connect, packet, length), MQTT_OK);
    assert_int_equal(connect.version, MQTT_5);
    assert_true(connect.clean_start);
    assert_int_equal(connect.keep_alive_s, 30);
    assert_true(span_is(connect.client_id, "meter"));
    assert_true(connect.has_username && span_is(connect.username, "user"));
    assert_true(connect.has_password && span_is(connect.password, "pw"));
    assert_int_equal(connect.session_expiry_interval_s, 9);
    assert_int_equal(connect.receive_maximum, 10);
    assert_true(connect.request_problem_information);
    assert_true(connect.will.present && connect.will.retain);
    assert_int_equal(connect.will.qos, 2);
    assert_int_equal(connect.will.delay_interval_s, 5);
    assert_true(span_is(connect.will.topic, "a/b") && span_is(connect.will.payload, "hi"));
}

static void peeks_at_every_split_without_a_wrong_verdict(void **state)
{
    (void)state;
    uint8_t packet[HEX_ROOM];
    size_t length = packet_of(packet, V311 "02 003c 0001 'x'");
    for (size_t there = 0; there <= length; there++) {
        size_t whole = 0;
        enum mqtt_version version = 0;
        enum mqtt_status status = mqtt_connect_peek(packet, there, 100, &whole, &version);
        assert_int_equal(status, there == length ? MQTT_OK : MQTT_NEED_MORE);
        assert_int_equal(version, there >= 9 ? MQTT_3_1_1 : 0);
    }
}

static void refuses_early_what_cannot_become_a_connect(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum mqtt_status status; /* of the first byte or bytes */
    } early[] = {
        {"30",                                    MQTT_PROTOCOL_ERROR}, /* MQTT-3.1.0-1 */
        {"'GET '",                                MQTT_PROTOCOL_ERROR},
        {"11",                                    MQTT_MALFORMED     },
        {"10 ffffffff",                           MQTT_MALFORMED     },
        {"10 ffffff7f",                           MQTT_NEED_MORE     }, /* the level is worth ten bytes more */
        {"10 ffffff7f 0004 'MQTT' 05 02 003c",    MQTT_TOO_LARGE     },
        {"10 ffffff7f 0004 'nope' 05 02 003c 00", MQTT_TOO_LARGE     },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(early); i++) {
        uint8_t bytes[HEX_ROOM];
        size_t whole = 0;
        enum mqtt_version version = 0;
        size_t length = hex_read(bytes, early[i].bytes);
        assert_int_equal(mqtt_connect_peek(bytes, length, 1024, &whole, &version), early[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_rule_of_the_table),
        cmocka_unit_test(refuses_a_packet_that_is_cut_at_any_length),
        cmocka_unit_test(reads_what_the_client_said),
        cmocka_unit_test(peeks_at_every_split_without_a_wrong_verdict),
        cmocka_unit_test(refuses_early_what_cannot_become_a_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
