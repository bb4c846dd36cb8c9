// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/der.h"

#include <string.h>

#include "base/attributes.h"
#include "test/unit/certs/cmocka_all.h"

static void refuses_lengths_that_are_not_the_shortest(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[8];
        size_t length;
    } cases[] = {
        {{0x04, 0x81, 0x01, 0xff},             4}, /* one byte would do */
        {{0x04, 0x82, 0x00, 0x80},             4}, /* a leading zero */
        {{0x04, 0x80, 0x00, 0x00},             4}, /* indefinite */
        {{0x04, 0x84, 0x00, 0x00, 0x00, 0x01}, 6}, /* too long a length */
        {{0x04, 0x05, 0x01},                   3}, /* longer than what holds it */
        {{0x04},                               1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct bytes in = bytes_of(cases[i].bytes, cases[i].length);
        (void)der_take(&in, DER_OCTET_STRING);
        assert_false(bytes_ok(&in));
    }
}

static void refuses_another_tag(void **state)
{
    (void)state;
    static const uint8_t number[] = {0x02, 0x01, 0x05};
    struct bytes in = bytes_of(number, sizeof number);
    (void)der_take(&in, DER_OCTET_STRING);
    assert_false(bytes_ok(&in));
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    static uint8_t content[70000];
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536, sizeof content};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        struct der_writer out = {0};
        memset(content, (int)i, sizeof content);
        size_t outer = der_begin(&out, DER_SEQUENCE);
        der_put(&out, DER_OCTET_STRING, (struct span){content, lengths[i]});
        der_put_boolean(&out, true);
        der_end(&out, outer);
        assert_false(out.failed);
        struct bytes in = bytes_of(out.data, out.length);
        struct bytes inner = der_enter(&in, DER_SEQUENCE);
        struct span read = der_take(&inner, DER_OCTET_STRING);
        assert_true(span_equal(read, (struct span){content, lengths[i]}));
        assert_true(der_take_boolean(&inner));
        assert_true(der_at_end(&inner));
        assert_true(der_at_end(&in));
        der_writer_clear(&out);
    }
}

static void writes_numbers_as_positive(void **state)
{
    (void)state;
    static const uint8_t high[] = {0x00, 0x00, 0x80};
    static const uint8_t expected[] = {0x02, 0x02, 0x00, 0x80};
    struct der_writer out = {0};
    der_put_number(&out, (struct span){high, sizeof high});
    assert_int_equal(out.length, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    der_writer_clear(&out);
}

static void keeps_times_on_both_sides_of_2050(void **state)
{
    (void)state;
    static const time_t times[] = {0, 1795464175, 2524607999, 2524608000, 253402300799};
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
        struct der_writer out = {0};
        der_put_time(&out, times[i]);
        assert_int_equal(out.data[0], times[i] < 2524608000 ? DER_UTC_TIME : DER_GENERALIZED_TIME);
        struct bytes in = bytes_of(out.data, out.length);
        assert_int_equal(der_take_time(&in), times[i]);
        assert_true(der_at_end(&in));
        der_writer_clear(&out);
    }
}

static void refuses_times_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"991332000000Z", "9901010000Z",   "990101000000+",
                                        "9x0101000000Z", "990101250000Z", "990100000000Z"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct der_writer out = {0};
        der_put_text(&out, DER_UTC_TIME, texts[i]);
        struct bytes in = bytes_of(out.data, out.length);
        (void)der_take_time(&in);
        assert_false(bytes_ok(&in));
        der_writer_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_lengths_that_are_not_the_shortest),
        cmocka_unit_test(refuses_another_tag),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(writes_numbers_as_positive),
        cmocka_unit_test(keeps_times_on_both_sides_of_2050),
        cmocka_unit_test(refuses_times_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
