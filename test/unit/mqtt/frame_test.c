// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "mqtt/frame.h"
#include "test/unit/mqtt/hex.h"

static void reads_lengths_of_one_to_four_bytes(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 127, 128, 16383, 16384, 2097151, 2097152, 268435455};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        uint8_t bytes[8];
        struct mqtt_frame frame;
        struct bytes_writer out = bytes_writer_of(bytes, sizeof bytes);
        mqtt_frame_encode(&out, MQTT_PUBLISH, 3, lengths[i]);
        for (size_t there = 0; there < out.length; there++)
            assert_int_equal(mqtt_frame_decode(&frame, bytes, there), MQTT_NEED_MORE);
        assert_int_equal(mqtt_frame_decode(&frame, bytes, out.length), MQTT_OK);
        assert_int_equal(frame.remaining_length, lengths[i]);
        assert_int_equal(frame.header_length, 1 + mqtt_varint_length(lengths[i]));
        assert_int_equal(frame.flags, 3);
    }
}

static void refuses_types_flags_and_lengths_that_do_not_exist(void **state)
{
    (void)state;
    static const char *const bad[] = {"0000",   "1100",       "3600",     "6000",
                                      "8000",   "a000",       "c100",     "e100",
                                      "308000", "30ffffffff", "30ff8000", "3080808000"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        uint8_t bytes[HEX_ROOM];
        struct mqtt_frame frame;
        size_t length = hex_read(bytes, bad[i]);
        if (mqtt_frame_decode(&frame, bytes, length) != MQTT_MALFORMED) fail_msg("%s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lengths_of_one_to_four_bytes),
        cmocka_unit_test(refuses_types_flags_and_lengths_that_do_not_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
