// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/text.h"
#include "mqtt/connack.h"

enum { NOTHING = -1 };

/* The code that a client of `version` reads, or NOTHING. */
static int code_for(enum refusal refusal, unsigned version)
{
    uint8_t packet[REFUSAL_LARGEST_PACKET];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    struct mqtt_connack connack;
    refusal_encode(&out, refusal, version, "why", true);
    assert_true(bytes_writer_ok(&out));
    if (out.length == 0) return NOTHING;
    enum mqtt_version form = version >= 5 ? MQTT_5 : MQTT_3_1_1;
    assert_int_equal(mqtt_connack_decode(&connack, form, packet, out.length), MQTT_OK);
    assert_false(connack.session_present);
    return connack.code;
}

static void sends_the_code_that_each_version_has(void **state)
{
    static const struct {
        enum refusal refusal;
        int old;
        int five;
    } cases[] = {
        {REFUSAL_TLS_VERSION,          5,       0x87},
        {REFUSAL_CERTIFICATE_MISSING,  5,       0x87},
        {REFUSAL_COMMON_NAME,          5,       0x87},
        {REFUSAL_CERTIFICATE,          5,       0x87},
        {REFUSAL_NO_RULE,              5,       0x87},
        {REFUSAL_CONNECT_FIELDS,       5,       0x87},
        {REFUSAL_WILL_TOPIC,           5,       0x87},
        {REFUSAL_REVOKED,              5,       0x87},
        {REFUSAL_CERTIFICATE_EXPIRED,  5,       0x87},
        {REFUSAL_CLIENT_ID,            2,       0x85},
        {REFUSAL_CLIENT_ID_INVALID,    2,       0x85},
        {REFUSAL_USERNAME,             4,       0x86},
        {REFUSAL_VERSION_NOT_SPOKEN,   1,       0x84},
        {REFUSAL_CONNECT_TOO_LARGE,    NOTHING, 0x95},
        {REFUSAL_WILL_PAYLOAD,         NOTHING, 0x99},
        {REFUSAL_MALFORMED,            NOTHING, 0x81},
        {REFUSAL_PROTOCOL_ERROR,       NOTHING, 0x82},
        {REFUSAL_NO_BACKEND,           3,       0x88},
        {REFUSAL_TOO_MANY_CONNECTIONS, 3,       0x97},
        {REFUSAL_TOO_MANY_OF_SOURCE,   3,       0x97},
        {REFUSAL_BUSY,                 3,       0x89},
        {REFUSAL_DRAINING,             3,       0x8b},
    };
    (void)state;
    assert_int_equal(ARRAY_LENGTH(cases), REFUSAL_COUNT - 1);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(code_for(cases[i].refusal, 3), cases[i].old);
        assert_int_equal(code_for(cases[i].refusal, 4), cases[i].old);
        if (cases[i].refusal != REFUSAL_VERSION_NOT_SPOKEN) {
            assert_int_equal(code_for(cases[i].refusal, 5), cases[i].five);
            assert_int_equal(code_for(cases[i].refusal, 0), NOTHING);
        }
    }
}

static void answers_unknown_versions_in_the_nearest_form(void **state)
{
    (void)state;
    assert_int_equal(code_for(REFUSAL_VERSION_NOT_SPOKEN, 0), 1);
    assert_int_equal(code_for(REFUSAL_VERSION_NOT_SPOKEN, 2), 1);
    assert_int_equal(code_for(REFUSAL_VERSION_NOT_SPOKEN, 6), 0x84);
    assert_int_equal(code_for(REFUSAL_VERSION_NOT_SPOKEN, 255), 0x84);
    assert_int_equal(code_for(REFUSAL_MALFORMED, 6), NOTHING);
}

static void tells_mqtt_5_the_reason(void **state)
{
    static const uint8_t wanted[] = {0x20, 9, 0, 0x87, 6, 0x1f, 0, 3, 'w', 'h', 'y'};
    uint8_t packet[REFUSAL_LARGEST_PACKET];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    (void)state;
    refusal_encode(&out, REFUSAL_NO_RULE, 5, "why", true);
    assert_int_equal(out.length, sizeof wanted);
    assert_memory_equal(packet, wanted, sizeof wanted);
}

static void tells_no_reason_to_who_wants_none(void **state)
{
    static const uint8_t wanted[] = {0x20, 3, 0, 0x87, 0};
    uint8_t packet[REFUSAL_LARGEST_PACKET];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    (void)state;
    refusal_encode(&out, REFUSAL_NO_RULE, 5, "why", false);
    assert_int_equal(out.length, sizeof wanted);
    assert_memory_equal(packet, wanted, sizeof wanted);
}

/* Lends the Reason String behind the seven or eight bytes before it. */
static struct span reason_of(const uint8_t *packet, size_t length)
{
    struct mqtt_connack connack;
    assert_int_equal(mqtt_connack_decode(&connack, MQTT_5, packet, length), MQTT_OK);
    assert_true(connack.properties.length >= 3);
    assert_int_equal(connack.properties.data[0], 0x1f);
    return (struct span){connack.properties.data + 3, connack.properties.length - 3};
}

static void writes_reasons_that_are_valid_and_fit(void **state)
{
    static const char *const details[] = {
        "rule \"a\" and C:\\path",
        "bad bytes \xff\xfe and \xc3",
        "a control \x01 and \x7f",
        "caf\xc3\xa9",
    };
    static const char *const wanted[] = {
        "rule \"a\" and C:\\path",
        "bad bytes \\xff\\xfe and \\xc3",
        "a control \\x01 and \\x7f",
        "caf\xc3\xa9",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(details); i++) {
        uint8_t packet[REFUSAL_LARGEST_PACKET];
        struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
        refusal_encode(&out, REFUSAL_CLIENT_ID, 5, details[i], true);
        assert_true(span_is(reason_of(packet, out.length), wanted[i]));
    }
    for (unsigned byte = 1; byte < 256; byte++) {
        char detail[POLICY_DETAIL_ROOM];
        uint8_t packet[REFUSAL_LARGEST_PACKET];
        struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
        memset(detail, (int)byte, sizeof detail - 1);
        detail[sizeof detail - 1] = '\0';
        refusal_encode(&out, REFUSAL_CLIENT_ID, 5, detail, true);
        assert_true(bytes_writer_ok(&out));
        struct span reason = reason_of(packet, out.length);
        assert_true(reason.length >= sizeof detail - 1 && text_is_utf8(reason));
    }
}

static void has_a_word_and_a_sentence_for_each(void **state)
{
    (void)state;
    for (int i = 0; i < REFUSAL_COUNT; i++) {
        assert_non_null(refusal_word((enum refusal)i));
        assert_non_null(refusal_sentence((enum refusal)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(refusal_word((enum refusal)i), refusal_word((enum refusal)j));
    }
    assert_string_equal(refusal_word(REFUSAL_TLS_VERSION), "tls_version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_the_code_that_each_version_has),
        cmocka_unit_test(answers_unknown_versions_in_the_nearest_form),
        cmocka_unit_test(tells_mqtt_5_the_reason),
        cmocka_unit_test(tells_no_reason_to_who_wants_none),
        cmocka_unit_test(writes_reasons_that_are_valid_and_fit),
        cmocka_unit_test(has_a_word_and_a_sentence_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
