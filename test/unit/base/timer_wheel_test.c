// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/timer_wheel.h"

static struct timer_wheel wheel;

struct item {
    struct timer timer;
    uint64_t due_ms;
    int fired;
    struct item *other; /* cleared, or set again, by the callback */
};

static void on_due(struct timer *timer)
{
    struct item *item = CONTAINER_OF(timer, struct item, timer);
    assert_true(wheel.now_ms >= item->due_ms);
    assert_true(wheel.now_ms - item->due_ms < 2 * TIMER_WHEEL_TICK_MS);
    item->fired++;
    if (item->other != NULL) timer_clear(&item->other->timer);
}

static void fires_never_early_and_at_most_a_tick_late(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static struct item items[COUNT];
    timer_wheel_init(&wheel, 12345);
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t delay_ms = (uint64_t)i * i / 10; /* up to 400 s: several rounds of the wheel */
        items[i] = (struct item){.due_ms = wheel.now_ms + delay_ms};
        timer_set(&wheel, &items[i].timer, delay_ms, on_due);
    }
    for (uint64_t now = 12345; now < 12345 + 410000; now += 37)
        timer_wheel_advance(&wheel, now);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(items[i].fired, 1);
}

static void a_cleared_timer_does_not_fire(void **state)
{
    (void)state;
    struct item item = {.due_ms = 100};
    timer_wheel_init(&wheel, 0);
    timer_set(&wheel, &item.timer, 100, on_due);
    assert_true(timer_is_set(&item.timer));
    timer_clear(&item.timer);
    timer_clear(&item.timer);
    assert_false(timer_is_set(&item.timer));
    timer_wheel_advance(&wheel, 1000);
    assert_int_equal(item.fired, 0);
}

static void a_callback_may_clear_one_that_is_due_too(void **state)
{
    (void)state;
    struct item one = {.due_ms = 100};
    struct item two = {.due_ms = 100, .other = &one};
    one.other = &two;
    timer_wheel_init(&wheel, 0);
    timer_set(&wheel, &one.timer, 100, on_due);
    timer_set(&wheel, &two.timer, 100, on_due);
    timer_wheel_advance(&wheel, 164);
    assert_int_equal(one.fired + two.fired, 1);
}

static void set_again_counts_from_then(void **state)
{
    (void)state;
    struct item item = {.due_ms = 1050};
    timer_wheel_init(&wheel, 0);
    timer_set(&wheel, &item.timer, 100, on_due);
    timer_wheel_advance(&wheel, 50);
    timer_set(&wheel, &item.timer, 1000, on_due);
    timer_wheel_advance(&wheel, 1049);
    assert_int_equal(item.fired, 0);
    timer_wheel_advance(&wheel, 1120);
    assert_int_equal(item.fired, 1);
}

static void a_long_sleep_fires_everything_that_is_due(void **state)
{
    (void)state;
    struct item items[100];
    timer_wheel_init(&wheel, 0);
    for (unsigned i = 0; i < 100; i++) {
        items[i] = (struct item){.due_ms = 10000000 - 100};
        timer_set(&wheel, &items[i].timer, 10000000 - 100, on_due);
    }
    timer_wheel_advance(&wheel, 10000000);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(items[i].fired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_never_early_and_at_most_a_tick_late),
        cmocka_unit_test(a_cleared_timer_does_not_fire),
        cmocka_unit_test(a_callback_may_clear_one_that_is_due_too),
        cmocka_unit_test(set_again_counts_from_then),
        cmocka_unit_test(a_long_sleep_fires_everything_that_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
