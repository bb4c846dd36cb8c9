// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/tls/record_gate.h"

static void lets_whole_records_through_only(void **state)
{
    (void)state;
    const uint8_t data[] = {23, 3, 3, 0, 2, 1, 2, 23, 3, 3, 0, 1, 9};
    const size_t whole[] = {0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 13};
    for (size_t length = 0; length <= sizeof data; length++) {
        bool broken = true;
        assert_int_equal(tls_record_gate(data, length, &broken), whole[length]);
        assert_false(broken);
    }
}

static void keeps_a_promise_of_16_kib_outside(void **state)
{
    (void)state;
    const uint8_t data[] = {23, 3, 3, 0x40, 0, 1, 2, 3};
    bool broken = true;
    assert_int_equal(tls_record_gate(data, sizeof data, &broken), 0);
    assert_false(broken);
}

static void lets_an_impossible_length_through_to_be_refused(void **state)
{
    (void)state;
    const uint8_t data[] = {23, 3, 3, 0xff, 0xff, 1};
    bool broken = false;
    assert_int_equal(tls_record_gate(data, sizeof data, &broken), sizeof data);
    assert_true(broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_whole_records_through_only),
        cmocka_unit_test(keeps_a_promise_of_16_kib_outside),
        cmocka_unit_test(lets_an_impossible_length_through_to_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
