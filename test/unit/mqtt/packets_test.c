// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "mqtt/acks.h"
#include "mqtt/connack.h"
#include "mqtt/disconnect.h"
#include "mqtt/publish.h"
#include "mqtt/subscribe.h"
#include "test/unit/mqtt/hex.h"

static enum mqtt_status decode(const char *text, enum mqtt_version version)
{
    uint8_t bytes[HEX_ROOM];
    size_t length = hex_read(bytes, text);
    struct mqtt_publish publish;
    struct mqtt_ack ack;
    struct mqtt_subscribe subscribe;
    struct mqtt_unsubscribe unsubscribe;
    struct mqtt_disconnect disconnect;
    struct mqtt_connack connack;
    switch (bytes[0] >> 4) {
    case MQTT_PUBLISH:
        return mqtt_publish_decode(&publish, version, bytes, length);
    case MQTT_SUBSCRIBE:
        return mqtt_subscribe_decode(&subscribe, version, bytes, length);
    case MQTT_UNSUBSCRIBE:
        return mqtt_unsubscribe_decode(&unsubscribe, version, bytes, length);
    case MQTT_CONNACK:
        return mqtt_connack_decode(&connack, version, bytes, length);
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        return mqtt_disconnect_decode(&disconnect, version, bytes, length);
    default:
        return mqtt_ack_decode(&ack, version, bytes, length);
    }
}

/* clang-format off */
static const struct {
    const char *packet;
    enum mqtt_version version;
    enum mqtt_status status;
} rows[] = {
    {"30 04 0001 't' 'm'", MQTT_3_1_1, MQTT_OK},
    {"30 05 0001 't' 00 'm'", MQTT_5, MQTT_OK},
    {"32 05 0001 't' 0001", MQTT_3_1_1, MQTT_OK},
    {"32 05 0001 't' 0000", MQTT_3_1_1, MQTT_PROTOCOL_ERROR},
    {"38 03 0001 't'", MQTT_3_1_1, MQTT_MALFORMED},                /* DUP with QoS 0 */
    {"30 02 0000", MQTT_3_1_1, MQTT_MALFORMED},
    {"30 03 0000 00", MQTT_5, MQTT_PROTOCOL_ERROR},                /* neither topic nor alias */
    {"30 06 0000 03 230001", MQTT_5, MQTT_OK},
    {"30 06 0000 03 230000", MQTT_5, MQTT_TOPIC_ALIAS_ZERO},
    {"30 03 0001 '+'", MQTT_3_1_1, MQTT_MALFORMED},
    {"30 06 0001 't' 02 0b01", MQTT_5, MQTT_PROTOCOL_ERROR},       /* a client's subscription identifier */
    {"30 07 0001 't' 02 0101 ff", MQTT_5, MQTT_PAYLOAD_NO_TEXT},   /* said to be text */
    {"30 07 0001 't' 02 0101 00", MQTT_5, MQTT_OK},                /* NUL is text */
    {"40 02 0001", MQTT_3_1_1, MQTT_OK},
    {"40 02 0000", MQTT_3_1_1, MQTT_PROTOCOL_ERROR},
    {"40 03 0001 10", MQTT_5, MQTT_OK},
    {"40 03 0001 10", MQTT_3_1_1, MQTT_MALFORMED},
    {"40 04 0001 10 00", MQTT_5, MQTT_OK},
    {"40 03 0001 92", MQTT_5, MQTT_PROTOCOL_ERROR},                /* no reason of PUBACK */
    {"62 03 0001 92", MQTT_5, MQTT_OK},
    {"62 03 0001 10", MQTT_5, MQTT_PROTOCOL_ERROR},
    {"62 02 0001", MQTT_3_1_1, MQTT_OK},
    {"6a 02 0001", MQTT_3_1, MQTT_OK},                             /* DUP, which 3.1 has here */
    {"6a 02 0001", MQTT_3_1_1, MQTT_MALFORMED},
    {"8a 06 0001 0001 't' 00", MQTT_3_1, MQTT_OK},
    {"8a 06 0001 0001 't' 00", MQTT_3_1_1, MQTT_MALFORMED},
    {"aa 05 0001 0001 't'", MQTT_3_1, MQTT_OK},
    {"82 06 0001 0001 't' 00", MQTT_3_1_1, MQTT_OK},
    {"82 06 0001 0001 't' 03", MQTT_3_1_1, MQTT_MALFORMED},
    {"82 06 0001 0001 't' 04", MQTT_3_1_1, MQTT_MALFORMED},
    {"82 02 0001", MQTT_3_1_1, MQTT_PROTOCOL_ERROR},               /* no filter */
    {"82 06 0000 0001 't' 00", MQTT_3_1_1, MQTT_PROTOCOL_ERROR},
    {"82 07 0001 00 0001 't' 2e", MQTT_5, MQTT_OK},
    {"82 07 0001 00 0001 't' 30", MQTT_5, MQTT_PROTOCOL_ERROR},    /* retain handling 3 */
    {"82 07 0001 00 0001 't' 40", MQTT_5, MQTT_MALFORMED},
    {"82 07 0001 00 0001 't' 03", MQTT_5, MQTT_PROTOCOL_ERROR},
    {"82 0f 0001 00 0009 '$share/g/' 00", MQTT_5, MQTT_MALFORMED},
    {"82 10 0001 00 000a '$share/g/t' 04", MQTT_5, MQTT_PROTOCOL_ERROR}, /* no local, shared */
    {"82 09 0001 02 0b00 0001 't' 00", MQTT_5, MQTT_PROTOCOL_ERROR},
    {"82 06 0001 0001 '#' ", MQTT_3_1_1, MQTT_MALFORMED},
    {"a2 05 0001 0001 't'", MQTT_3_1_1, MQTT_OK},
    {"a2 02 0001", MQTT_3_1_1, MQTT_PROTOCOL_ERROR},
    {"e0 00", MQTT_3_1_1, MQTT_OK},
    {"e0 01 00", MQTT_3_1_1, MQTT_MALFORMED},
    {"e0 07 04 05 1100000001", MQTT_5, MQTT_OK},
    {"e0 04 04 02 2401", MQTT_5, MQTT_MALFORMED},
    {"e0 01 8e", MQTT_5, MQTT_PROTOCOL_ERROR},                     /* a server's reason */
    {"20 02 0000", MQTT_3_1_1, MQTT_OK},
    {"20 02 0200", MQTT_3_1_1, MQTT_MALFORMED},
    {"20 06 0000 03 130005", MQTT_5, MQTT_OK},
    {"20 03 0000 00", MQTT_3_1_1, MQTT_MALFORMED},
};
/* clang-format on */

static void keeps_every_rule_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (decode(rows[i].packet, rows[i].version) != rows[i].status)
            fail_msg("%s in version %d", rows[i].packet, (int)rows[i].version);
}

static void a_refusal_has_its_reason_in_mqtt_5_only(void **state)
{
    (void)state;
    uint8_t bytes[64];
    uint8_t wanted[HEX_ROOM];
    struct bytes_writer out = bytes_writer_of(bytes, sizeof bytes);
    mqtt_connack_encode_refusal(&out, MQTT_5, 0x87, span_of("no"));
    assert_int_equal(out.length, hex_read(wanted, "20 08 00 87 05 1f 0002 'no'"));
    assert_memory_equal(bytes, wanted, out.length);
    out = bytes_writer_of(bytes, sizeof bytes);
    mqtt_connack_encode_refusal(&out, MQTT_3_1_1, 5, span_of("no"));
    assert_int_equal(out.length, hex_read(wanted, "20 02 00 05"));
    assert_memory_equal(bytes, wanted, out.length);
}

static void passes_on_only_the_properties_that_are_the_receivers(void **state)
{
    (void)state;
    uint8_t block[HEX_ROOM];
    uint8_t bytes[64];
    uint8_t wanted[HEX_ROOM];
    size_t length = hex_read(block, "230001 0200000009 0101 26 0001 'k' 0001 'v' 03 0001 'c'");
    struct bytes_writer out = bytes_writer_of(bytes, sizeof bytes);
    mqtt_publish_put_passed(&out, (struct span){block, length});
    assert_int_equal(out.length, hex_read(wanted, "0101 26 0001 'k' 0001 'v' 03 0001 'c'"));
    assert_memory_equal(bytes, wanted, out.length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_rule_of_the_table),
        cmocka_unit_test(a_refusal_has_its_reason_in_mqtt_5_only),
        cmocka_unit_test(passes_on_only_the_properties_that_are_the_receivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
