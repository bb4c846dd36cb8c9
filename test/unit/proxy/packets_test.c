// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/packets.h"

/* CONNACK, a PUBLISH of 200 bytes (two bytes of length), PINGRESP. */
static size_t make_stream(uint8_t *out)
{
    size_t length = 0;
    const uint8_t connack[] = {0x20, 2, 0, 0};
    for (size_t i = 0; i < sizeof connack; i++)
        out[length++] = connack[i];
    out[length++] = 0x30;
    out[length++] = 0xc8;
    out[length++] = 0x01;
    for (size_t i = 0; i < 200; i++)
        out[length++] = 0xd0;
    out[length++] = 0xd0;
    out[length++] = 0;
    return length;
}

static void counts_packets_at_every_split(void **state)
{
    (void)state;
    uint8_t stream[256];
    size_t length = make_stream(stream);
    for (size_t split = 0; split <= length; split++) {
        struct packets packets = {0};
        packets_follow(&packets, (struct span){stream, split});
        packets_follow(&packets, (struct span){stream + split, length - split});
        assert_int_equal(packets.count, 3);
        assert_true(packets_at_boundary(&packets));
    }
}

static void knows_a_disconnect_at_the_end(void **state)
{
    (void)state;
    const uint8_t stream[] = {0xc0, 0, 0xe0, 2, 0x04, 0, 0xc0, 0};
    for (size_t length = 0; length <= sizeof stream; length++) {
        struct packets packets = {0};
        packets_follow(&packets, (struct span){stream, length});
        assert_int_equal(packets_end_with_disconnect(&packets), length == 6);
    }
}

static void knows_that_it_is_inside_a_packet(void **state)
{
    (void)state;
    uint8_t stream[256];
    size_t length = make_stream(stream);
    for (size_t cut = 1; cut < length; cut++) {
        struct packets packets = {0};
        packets_follow(&packets, (struct span){stream, cut});
        bool whole = cut == 4 || cut == 207;
        assert_int_equal(packets_at_boundary(&packets), whole);
    }
}

static void gives_up_on_a_length_that_cannot_be(void **state)
{
    (void)state;
    const uint8_t stream[] = {0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 0xd0, 0x00};
    struct packets packets = {0};
    packets_follow(&packets, (struct span){stream, sizeof stream});
    assert_true(packets.lost);
    assert_false(packets_at_boundary(&packets));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_packets_at_every_split),
        cmocka_unit_test(knows_a_disconnect_at_the_end),
        cmocka_unit_test(knows_that_it_is_inside_a_packet),
        cmocka_unit_test(gives_up_on_a_length_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
