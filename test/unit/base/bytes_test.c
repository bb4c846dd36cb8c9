// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

static void reads_big_endian_numbers(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct bytes in = bytes_of(data, sizeof data);
    assert_int_equal(bytes_u8(&in), 1);
    assert_int_equal(bytes_u16(&in), 0x0203);
    assert_int_equal(bytes_u24(&in), 0x040506);
    assert_int_equal(bytes_u32(&in), 0x0708090a);
    assert_true(bytes_ok(&in));
    assert_int_equal(bytes_left(&in), 0);
}

static void a_step_past_the_end_fails_for_good(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3};
    struct bytes in = bytes_of(data, sizeof data);
    assert_int_equal(bytes_u32(&in), 0);
    assert_false(bytes_ok(&in));
    assert_int_equal(bytes_u8(&in), 0);
    assert_int_equal(bytes_left(&in), 0);
    assert_int_equal(bytes_take(&in, 1).length, 0);
    struct bytes sub = bytes_sub(&in, 0);
    assert_false(bytes_ok(&sub));
}

static void a_writer_stops_at_its_room(void **state)
{
    (void)state;
    uint8_t room[4] = {0};
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    bytes_put_u16(&out, 0x0102);
    bytes_put_u32(&out, 5);
    assert_false(bytes_writer_ok(&out));
    assert_int_equal(out.length, 2);
    bytes_put_u8(&out, 9);
    assert_int_equal(out.length, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian_numbers),
        cmocka_unit_test(a_step_past_the_end_fails_for_good),
        cmocka_unit_test(a_writer_stops_at_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
