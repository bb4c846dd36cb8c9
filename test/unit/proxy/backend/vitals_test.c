// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/vitals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct vitals_rule with_checks = {.checked = true, .fall = 3, .rise = 2};
static const struct vitals_rule without = {.checked = false, .fall = 3, .rise = 2};

static struct vitals seen_once(void)
{
    struct vitals vitals = {0};
    assert_false(vitals_check(&vitals, &with_checks, true));
    return vitals;
}

static void the_first_check_decides_alone(void **state)
{
    struct vitals vitals = {0};
    (void)state;
    assert_true(vitals_check(&vitals, &with_checks, false));
    assert_true(vitals.down);
}

static void falls_after_as_many_checks_in_a_row(void **state)
{
    struct vitals vitals = seen_once();
    (void)state;
    assert_false(vitals_check(&vitals, &with_checks, false));
    assert_false(vitals_check(&vitals, &with_checks, false));
    assert_false(vitals_check(&vitals, &with_checks, true)); /* begins anew */
    assert_false(vitals_check(&vitals, &with_checks, false));
    assert_false(vitals_check(&vitals, &with_checks, false));
    assert_true(vitals_check(&vitals, &with_checks, false));
    assert_false(vitals_check(&vitals, &with_checks, false)); /* told once */
}

static void rises_after_as_many_checks_in_a_row(void **state)
{
    struct vitals vitals = {0};
    (void)state;
    assert_true(vitals_check(&vitals, &with_checks, false));
    assert_false(vitals_check(&vitals, &with_checks, true));
    assert_false(vitals_check(&vitals, &with_checks, false));
    assert_false(vitals_check(&vitals, &with_checks, true));
    assert_true(vitals_check(&vitals, &with_checks, true));
    assert_false(vitals.down);
    assert_false(vitals_in_doubt(&vitals));
}

static void three_dials_that_fail_in_a_row_make_it_down(void **state)
{
    struct vitals vitals = seen_once();
    (void)state;
    assert_false(vitals_dial(&vitals, &with_checks, false, 0));
    assert_false(vitals_dial(&vitals, &with_checks, false, 0));
    assert_false(vitals_dial(&vitals, &with_checks, true, 0));
    assert_false(vitals_dial(&vitals, &with_checks, false, 0));
    assert_true(vitals_in_doubt(&vitals));
    assert_false(vitals_dial(&vitals, &with_checks, false, 0));
    assert_true(vitals_dial(&vitals, &with_checks, false, 0));
    assert_true(vitals.down);
}

static void only_checks_bring_back_what_is_checked(void **state)
{
    struct vitals vitals = seen_once();
    (void)state;
    for (int i = 0; i < VITALS_DIALS; i++)
        (void)vitals_dial(&vitals, &with_checks, false, 0);
    assert_false(vitals_take_dial(&vitals, &with_checks, 3600 * 1000));
    assert_false(vitals_dial(&vitals, &with_checks, true, 1)); /* one that was under way */
    assert_false(vitals_check(&vitals, &with_checks, true));
    assert_true(vitals_check(&vitals, &with_checks, true));
    assert_true(vitals_take_dial(&vitals, &with_checks, 3600 * 1000));
}

static void without_checks_one_dial_is_let_through_after_each_pause(void **state)
{
    struct vitals vitals = {0};
    uint64_t now_ms = 1000000;
    uint64_t pause_ms = VITALS_FIRST_PAUSE_MS;
    (void)state;
    for (int i = 0; i < VITALS_DIALS; i++)
        (void)vitals_dial(&vitals, &without, false, now_ms);
    assert_true(vitals.down);
    for (int round = 0; round < 12; round++) {
        assert_false(vitals_take_dial(&vitals, &without, now_ms + pause_ms - 1));
        now_ms += pause_ms;
        assert_true(vitals_take_dial(&vitals, &without, now_ms));
        assert_false(vitals_take_dial(&vitals, &without, now_ms)); /* one alone */
        assert_false(vitals_dial(&vitals, &without, false, now_ms));
        pause_ms = pause_ms * 2 > VITALS_LONGEST_PAUSE_MS ? VITALS_LONGEST_PAUSE_MS : pause_ms * 2;
    }
    assert_int_equal(pause_ms, VITALS_LONGEST_PAUSE_MS);
}

static void without_checks_a_dial_brings_it_back_and_the_pause_begins_anew(void **state)
{
    struct vitals vitals = {0};
    (void)state;
    for (int i = 0; i < VITALS_DIALS; i++)
        (void)vitals_dial(&vitals, &without, false, 0);
    assert_true(vitals_take_dial(&vitals, &without, VITALS_FIRST_PAUSE_MS));
    assert_true(vitals_dial(&vitals, &without, true, VITALS_FIRST_PAUSE_MS));
    assert_false(vitals.down);
    for (int i = 0; i < VITALS_DIALS; i++)
        (void)vitals_dial(&vitals, &without, false, 10000);
    assert_false(vitals_take_dial(&vitals, &without, 10000 + VITALS_FIRST_PAUSE_MS - 1));
    assert_true(vitals_take_dial(&vitals, &without, 10000 + VITALS_FIRST_PAUSE_MS));
}

static void a_dial_that_fails_late_makes_the_pause_no_longer(void **state)
{
    struct vitals vitals = {0};
    (void)state;
    for (int i = 0; i < VITALS_DIALS + 5; i++)
        (void)vitals_dial(&vitals, &without, false, 0);
    assert_true(vitals_take_dial(&vitals, &without, VITALS_FIRST_PAUSE_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_check_decides_alone),
        cmocka_unit_test(falls_after_as_many_checks_in_a_row),
        cmocka_unit_test(rises_after_as_many_checks_in_a_row),
        cmocka_unit_test(three_dials_that_fail_in_a_row_make_it_down),
        cmocka_unit_test(only_checks_bring_back_what_is_checked),
        cmocka_unit_test(without_checks_one_dial_is_let_through_after_each_pause),
        cmocka_unit_test(without_checks_a_dial_brings_it_back_and_the_pause_begins_anew),
        cmocka_unit_test(a_dial_that_fails_late_makes_the_pause_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
