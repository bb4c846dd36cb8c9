// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void is_the_same_for_equal_bytes_at_any_alignment(void **state)
{
    const char text[] = "xsensors/kitchen/temperature";
    char other[64] = "";
    (void)state;
    for (size_t length = 0; length < 20; length++) {
        for (size_t shift = 0; shift < 9; shift++) {
            for (size_t i = 0; i < length; i++)
                other[shift + i] = text[1 + i];
            assert_int_equal(hash_keyed(text + 1, length), hash_keyed(other + shift, length));
        }
    }
}

static void differs_by_one_bit_and_by_length(void **state)
{
    const unsigned char zeros[16] = {0};
    unsigned char one[16] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof one; i++) {
        one[i] = 1;
        assert_int_not_equal(hash_keyed(zeros, sizeof zeros), hash_keyed(one, sizeof one));
        one[i] = 0;
        assert_int_not_equal(hash_keyed(zeros, sizeof zeros), hash_keyed(zeros, i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_for_equal_bytes_at_any_alignment),
        cmocka_unit_test(differs_by_one_bit_and_by_length),
    };
    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
