// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/subscriptions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void on_match(void *arg, const struct subscription *subscription)
{
    (void)subscription;
    ++*(size_t *)arg;
}

static void on_share(void *arg, struct share *share)
{
    assert_non_null(share->first);
    ++*(size_t *)arg;
}

static size_t matches(struct subscriptions *set, const char *topic)
{
    size_t count = 0;
    const struct subscription_visitor visitor = {on_match, on_share, &count};
    subscriptions_match(set, span_of(topic), &visitor);
    return count;
}

static void add(struct subscriptions *set, struct subscriber *subscriber, const char *filter)
{
    const struct subscription_options options = {.qos = 1};
    bool existed = false;
    assert_true(subscriptions_add(set, subscriber, span_of(filter), &options, &existed));
    assert_false(existed);
}

/* MQTT 5, 4.7: the examples of the specification and the corners beside them. */
static void matches_as_the_specification_says(void **state)
{
    static const struct {
        const char *filter;
        const char *topic;
        bool matches;
    } rows[] = {
        {"sport/tennis/player1/#", "sport/tennis/player1",                 true },
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking",         true },
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true },
        {"sport/tennis/player1/#", "sport/tennis/player10",                false},
        {"sport/#",                "sport",                                true },
        {"#",                      "a/b/c",                                true },
        {"#",                      "/",                                    true },
        {"sport/tennis/+",         "sport/tennis/player1",                 true },
        {"sport/tennis/+",         "sport/tennis/player1/ranking",         false},
        {"sport/+",                "sport",                                false},
        {"sport/+",                "sport/",                               true },
        {"+/+",                    "/finance",                             true },
        {"/+",                     "/finance",                             true },
        {"+",                      "/finance",                             false},
        {"+/tennis/#",             "sport/tennis",                         true },
        {"#",                      "$SYS/uptime",                          false},
        {"+/uptime",               "$SYS/uptime",                          false},
        {"$SYS/#",                 "$SYS/uptime",                          true },
        {"$SYS/+",                 "$SYS/uptime",                          true },
        {"a/$b",                   "a/$b",                                 true },
        {"a/+",                    "a/$b",                                 true },
        {"a/#",                    "a/$b",                                 true },
        {"Accounts",               "accounts",                             false},
        {"a",                      "a/",                                   false},
        {"a/+/c/#",                "a/b/c",                                true },
        {"+/+/+",                  "a/b",                                  false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct subscriptions set;
        struct subscriber subscriber = {0};
        subscriptions_init(&set);
        add(&set, &subscriber, rows[i].filter);
        if ((matches(&set, rows[i].topic) == 1) != rows[i].matches)
            fail_msg("%s and %s", rows[i].filter, rows[i].topic);
        subscriptions_clear(&set);
    }
}

static void visits_every_filter_that_matches_once(void **state)
{
    static const char *const filters[] = {"a/b/c", "a/b/+", "a/b/#", "a/#",   "#",
                                          "+/+/+", "+/b/c", "a/+/c", "a/x/c", "a/b"};
    struct subscriptions set;
    struct subscriber subscriber = {0};
    (void)state;
    subscriptions_init(&set);
    for (size_t i = 0; i < 10; i++)
        add(&set, &subscriber, filters[i]);
    assert_int_equal(subscriber.count, 10);
    assert_int_equal(matches(&set, "a/b/c"), 8);
    subscriptions_clear(&set);
    assert_int_equal(subscriber.count, 0);
}

static void replaces_the_options_of_a_filter_that_exists(void **state)
{
    const struct subscription_options options = {.qos = 2, .identifier = 7};
    struct subscriptions set;
    struct subscriber subscriber = {0};
    bool existed = false;
    (void)state;
    subscriptions_init(&set);
    add(&set, &subscriber, "a/+");
    assert_true(subscriptions_add(&set, &subscriber, span_of("a/+"), &options, &existed));
    assert_true(existed);
    assert_int_equal(matches(&set, "a/b"), 1);
    assert_int_equal(subscriber.first->options.qos, 2);
    assert_int_equal(subscriber.first->options.identifier, 7);
    subscriptions_clear(&set);
}

static void removes_one_of_many_and_leaves_the_rest(void **state)
{
    struct subscriptions set;
    struct subscriber many[50] = {0};
    (void)state;
    subscriptions_init(&set);
    for (size_t i = 0; i < 50; i++)
        add(&set, &many[i], "a/b");
    assert_true(subscriptions_remove(&set, &many[0], span_of("a/b")));
    assert_true(subscriptions_remove(&set, &many[25], span_of("a/b")));
    assert_true(subscriptions_remove(&set, &many[49], span_of("a/b")));
    assert_false(subscriptions_remove(&set, &many[49], span_of("a/b")));
    assert_false(subscriptions_remove(&set, &many[1], span_of("a/+")));
    assert_int_equal(matches(&set, "a/b"), 47);
    for (size_t i = 0; i < 50; i++)
        subscriptions_remove_all(&set, &many[i]);
    assert_int_equal(matches(&set, "a/b"), 0);
    assert_int_equal(set.filters.count, 0);
    subscriptions_clear(&set);
}

static void holds_filters_of_the_deepest_level(void **state)
{
    char filter[2 * TOPIC_LEVELS_MAX] = "";
    struct subscriptions set;
    struct subscriber subscriber = {0};
    (void)state;
    for (size_t i = 0; i < TOPIC_LEVELS_MAX; i++)
        strcat(filter, i == 0 ? "+" : "/+");
    subscriptions_init(&set);
    add(&set, &subscriber, filter);
    memset(filter, '/', TOPIC_LEVELS_MAX - 1);
    filter[TOPIC_LEVELS_MAX - 1] = '\0';
    assert_int_equal(matches(&set, filter), 1);
    subscriptions_clear(&set);
}

static void counts_a_share_once_and_forgets_it_with_its_last_member(void **state)
{
    struct subscriptions set;
    struct subscriber subscribers[3] = {0};
    (void)state;
    subscriptions_init(&set);
    for (size_t i = 0; i < ARRAY_LENGTH(subscribers); i++)
        add(&set, &subscribers[i], "$share/g/a/+");
    add(&set, &subscribers[0], "$share/h/a/+");
    add(&set, &subscribers[0], "$share/g/a/b");
    add(&set, &subscribers[0], "a/+");
    assert_int_equal(matches(&set, "a/b"), 4);
    assert_int_equal(matches(&set, "$share/g/a/b"), 0);
    assert_false(subscriptions_remove(&set, &subscribers[1], span_of("$share/h/a/+")));
    assert_false(subscriptions_remove(&set, &subscribers[1], span_of("a/+")));
    assert_true(subscriptions_remove(&set, &subscribers[1], span_of("$share/g/a/+")));
    assert_int_equal(matches(&set, "a/b"), 4);
    subscriptions_remove_all(&set, &subscribers[0]);
    assert_int_equal(matches(&set, "a/b"), 1);
    subscriptions_remove_all(&set, &subscribers[2]);
    assert_int_equal(matches(&set, "a/b"), 0);
    assert_int_equal(set.shared.count, 0);
    subscriptions_clear(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_as_the_specification_says),
        cmocka_unit_test(visits_every_filter_that_matches_once),
        cmocka_unit_test(replaces_the_options_of_a_filter_that_exists),
        cmocka_unit_test(removes_one_of_many_and_leaves_the_rest),
        cmocka_unit_test(holds_filters_of_the_deepest_level),
        cmocka_unit_test(counts_a_share_once_and_forgets_it_with_its_last_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
