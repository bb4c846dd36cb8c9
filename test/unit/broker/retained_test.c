// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/retained.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct timer_wheel wheel;
    struct retained store;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    timer_wheel_init(&fixture.wheel, 0);
    retained_init(&fixture.store, &fixture.wheel, 100000);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    retained_clear(&fixture->store);
    return 0;
}

static bool keep(struct fixture *fixture, const char *topic, const char *payload,
                 uint64_t expires_at_ms)
{
    struct message *message = message_new(span_of(topic), (struct span){0}, span_of(payload));
    message->expires_at_ms = expires_at_ms;
    bool kept = retained_set(&fixture->store, message, fixture->wheel.now_ms);
    message_unref(message);
    return kept;
}

static void on_match(void *arg, struct message *message)
{
    char *found = arg;
    struct span topic = message_topic(message);
    strcat(found, "|");
    strncat(found, (const char *)topic.data, topic.length);
}

static const char *found(struct fixture *fixture, const char *filter)
{
    static char text[1024];
    size_t budget = 1000;
    text[0] = '\0';
    retained_match(&fixture->store, span_of(filter), fixture->wheel.now_ms, &budget, on_match,
                   text);
    return text;
}

static size_t count(struct fixture *fixture, const char *filter)
{
    size_t separators = 0;
    for (const char *at = found(fixture, filter); *at != '\0'; at++)
        separators += *at == '|';
    return separators;
}

static void finds_by_filter(void **state)
{
    struct fixture *fixture = *state;
    assert_true(keep(fixture, "a", "1", 0));
    assert_true(keep(fixture, "a/b", "2", 0));
    assert_true(keep(fixture, "a/b/c", "3", 0));
    assert_true(keep(fixture, "x/b", "4", 0));
    assert_true(keep(fixture, "/b", "5", 0));
    assert_true(keep(fixture, "$SYS/b", "6", 0));
    assert_string_equal(found(fixture, "a/b"), "|a/b");
    assert_string_equal(found(fixture, "b"), "");
    assert_int_equal(count(fixture, "#"), 5);
    assert_int_equal(count(fixture, "a/#"), 3);
    assert_int_equal(count(fixture, "+/b"), 3);
    assert_int_equal(count(fixture, "+/b/#"), 4);
    assert_int_equal(count(fixture, "+/+/c"), 1);
    assert_int_equal(count(fixture, "+"), 1);
    assert_int_equal(count(fixture, "$SYS/#"), 1);
    assert_int_equal(count(fixture, "+/#"), 5);
}

static void replaces_and_removes(void **state)
{
    struct fixture *fixture = *state;
    assert_true(keep(fixture, "a/b", "old", 0));
    assert_true(keep(fixture, "a/b", "new", 0));
    assert_int_equal(fixture->store.count, 1);
    assert_true(keep(fixture, "a/b", "", 0));
    assert_true(keep(fixture, "never/there", "", 0));
    assert_int_equal(fixture->store.count, 0);
    assert_int_equal(fixture->store.bytes, 0);
    assert_int_equal(fixture->store.topics.count, 0);
}

static void refuses_what_exceeds_its_bytes(void **state)
{
    struct fixture *fixture = *state;
    char topic[32];
    size_t kept = 0;
    while (snprintf(topic, sizeof topic, "t/%zu", kept) > 0 && keep(fixture, topic, "payload", 0))
        kept++;
    assert_in_range(kept, 100, 1000);
    assert_true(fixture->store.bytes <= 100000);
    assert_int_equal(fixture->store.count, kept);
    assert_true(keep(fixture, "t/0", "", 0));
    assert_true(keep(fixture, topic, "payload", 0));
}

static void forgets_the_old_one_when_the_new_one_has_no_room(void **state)
{
    struct fixture *fixture = *state;
    static char large[100001];
    memset(large, 'x', sizeof large - 1);
    assert_true(keep(fixture, "a", "small", 0));
    assert_false(keep(fixture, "a", large, 0));
    assert_int_equal(fixture->store.count, 0);
    assert_int_equal(fixture->store.bytes, 0);
}

static void on_count(void *arg, struct message *message)
{
    (void)message;
    ++*(size_t *)arg;
}

static void ends_when_the_budget_is_spent(void **state)
{
    static const char *const filters[] = {"#", "t/#", "t/+", "+/+", "+/1"};
    struct fixture *fixture = *state;
    char topic[32];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(topic, sizeof topic, "t/%d", i);
        assert_true(keep(fixture, topic, "x", 0));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(filters); i++) {
        size_t budget = 10;
        size_t seen = 0;
        for (int repeat = 0; repeat < 20; repeat++)
            retained_match(&fixture->store, span_of(filters[i]), 0, &budget, on_count, &seen);
        assert_int_equal(budget, 0);
        assert_in_range(seen, 0, 10);
    }
}

static void lets_expired_ones_go(void **state)
{
    struct fixture *fixture = *state;
    assert_true(keep(fixture, "short", "x", 1000));
    assert_true(keep(fixture, "long", "x", 500000));
    assert_int_equal(count(fixture, "#"), 2);
    timer_wheel_advance(&fixture->wheel, 1200);
    assert_string_equal(found(fixture, "#"), "|long");
    assert_int_equal(fixture->store.count, 1);
    assert_true(keep(fixture, "long", "x", 0));
    timer_wheel_advance(&fixture->wheel, 600000);
    assert_int_equal(fixture->store.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_by_filter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaces_and_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_exceeds_its_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_the_old_one_when_the_new_one_has_no_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ends_when_the_budget_is_spent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_expired_ones_go, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
