// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/topic_aliases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"

static void tells_each_topic_once_and_again_after_another_took_its_place(void **state)
{
    (void)state;
    struct topic_aliases *aliases = topic_aliases_new(1);
    bool told = true;
    assert_non_null(aliases);
    assert_int_equal(topic_aliases_of(aliases, span_of("topic/a"), &told), 1);
    assert_false(told);
    assert_true(topic_aliases_tell(aliases, 1, span_of("topic/a")));
    assert_int_equal(topic_aliases_of(aliases, span_of("topic/a"), &told), 1);
    assert_true(told);
    assert_int_equal(topic_aliases_of(aliases, span_of("topic/b"), &told), 1);
    assert_false(told);
    assert_true(topic_aliases_tell(aliases, 1, span_of("topic/b")));
    assert_int_equal(topic_aliases_of(aliases, span_of("topic/a"), &told), 1);
    assert_false(told);
    topic_aliases_free(aliases);
}

static void gives_none_to_topics_that_are_short_or_very_long(void **state)
{
    (void)state;
    static char longest[TOPIC_ALIASES_LONG + 2];
    struct topic_aliases *aliases = topic_aliases_new(10);
    bool told = true;
    assert_non_null(aliases);
    memset(longest, 'x', TOPIC_ALIASES_LONG + 1);
    assert_int_equal(topic_aliases_of(aliases, span_of("abc"), &told), 0);
    assert_false(told);
    assert_int_equal(topic_aliases_of(aliases, span_of(longest), &told), 0);
    assert_int_not_equal(topic_aliases_of(aliases, span_of(longest + 1), &told), 0);
    topic_aliases_free(aliases);
}

/* MQTT5-3.1.2-26. */
static void stays_within_what_the_client_takes(void **state)
{
    (void)state;
    static const uint16_t counts[] = {1, 2, 10, TOPIC_ALIASES_MOST};
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        struct topic_aliases *aliases = topic_aliases_new(counts[i]);
        assert_non_null(aliases);
        for (int n = 0; n < 1000; n++) {
            char topic[32];
            bool told = false;
            (void)snprintf(topic, sizeof topic, "topic/%d", n);
            uint16_t alias = topic_aliases_of(aliases, span_of(topic), &told);
            assert_in_range(alias, 1, counts[i]);
            if (!told) assert_true(topic_aliases_tell(aliases, alias, span_of(topic)));
        }
        topic_aliases_free(aliases);
    }
    struct topic_aliases *aliases = topic_aliases_new(UINT16_MAX);
    bool told = false;
    assert_in_range(topic_aliases_of(aliases, span_of("topic"), &told), 1, TOPIC_ALIASES_MOST);
    topic_aliases_free(aliases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_topic_once_and_again_after_another_took_its_place),
        cmocka_unit_test(gives_none_to_topics_that_are_short_or_very_long),
        cmocka_unit_test(stays_within_what_the_client_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
