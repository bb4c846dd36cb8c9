// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/topic_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "mqtt/topic.h"

static void covers_what_can_bring_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *wide;
        const char *filter;
        bool covers;
    } rows[] = {
        {"#",      "a/b",    true },
        {"#",      "#",      true },
        {"#",      "$SYS/#", false},
        {"+/#",    "$SYS/a", false},
        {"a/#",    "a",      true },
        {"a/#",    "a/+/#",  true },
        {"a/#",    "#",      false},
        {"a/+",    "a/b",    true },
        {"a/+",    "a/+",    true },
        {"a/+",    "a/#",    false},
        {"a/+",    "a/b/c",  false},
        {"a/b",    "a/+",    false},
        {"a/b",    "a/b",    true },
        {"a/b",    "a",      false},
        {"a",      "a/b",    false},
        {"+/b",    "a/b",    true },
        {"+",      "a",      true },
        {"+",      "#",      false},
        {"$SYS/#", "$SYS/a", true },
        {"a/+/c",  "a/#",    false},
        {"a/+/#",  "a/b",    true },
        {"a//b",   "a/+/b",  false},
        {"a/+/b",  "a//b",   true },
        {"a/b/#",  "a/b/c",  true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        bool covers = mqtt_topic_filter_covers(span_of(rows[i].wide), span_of(rows[i].filter));
        if (covers != rows[i].covers) print_error("%s, %s\n", rows[i].wide, rows[i].filter);
        assert_int_equal(covers, rows[i].covers);
    }
}

static void meets_where_one_topic_is_of_both(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool meets;
    } rows[] = {
        {"#",     "a/b",    true },
        {"a/+",   "+/b",    true },
        {"a/b",   "a/c",    false},
        {"a/#",   "a",      true },
        {"a/#",   "b/#",    false},
        {"#",     "$SYS/#", false},
        {"a/+",   "a",      false},
        {"+",     "a/b",    false},
        {"a/+/c", "a/b/#",  true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span a = span_of(rows[i].a);
        struct span b = span_of(rows[i].b);
        assert_int_equal(mqtt_topic_filter_meets(a, b), rows[i].meets);
        assert_int_equal(mqtt_topic_filter_meets(b, a), rows[i].meets);
    }
}

/* Against what the definitions say, for every filter and topic of few levels and letters. */
static void agrees_with_the_topics_themselves(void **state)
{
    (void)state;
    static const char *const filters[] = {"#",    "+",     "a",   "b",   "a/#", "a/+",
                                          "+/a",  "+/+",   "+/#", "a/a", "a/b", "$a/#",
                                          "$a/a", "a/+/b", "/",   "+/",  "/+"};
    static const char *const topics[] = {"a",     "b",     "a/a",   "a/b", "b/a", "$a/a", "$a",
                                         "a/a/b", "a/b/b", "b/b/b", "/",   "a/",  "/a",   "a//b"};
    for (size_t i = 0; i < ARRAY_LENGTH(filters); i++)
        for (size_t j = 0; j < ARRAY_LENGTH(filters); j++) {
            struct span wide = span_of(filters[i]);
            struct span filter = span_of(filters[j]);
            bool covers = mqtt_topic_filter_covers(wide, filter);
            bool meets = mqtt_topic_filter_meets(wide, filter);
            for (size_t k = 0; k < ARRAY_LENGTH(topics); k++) {
                bool in_wide = mqtt_topic_matches(wide, span_of(topics[k]));
                bool in_filter = mqtt_topic_matches(filter, span_of(topics[k]));
                if (covers && in_filter && !in_wide) print_error("%s %s\n", filters[i], filters[j]);
                assert_false(covers && in_filter && !in_wide);
                assert_false(!meets && in_filter && in_wide);
            }
        }
}

static void takes_shared_filters_apart(void **state)
{
    (void)state;
    assert_true(span_is(mqtt_topic_filter_unshared(span_of("$share/g/a/#")), "a/#"));
    assert_true(span_is(mqtt_topic_filter_unshared(span_of("$shared/a")), "$shared/a"));
    assert_true(span_is(mqtt_topic_filter_unshared(span_of("a")), "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers_what_can_bring_nothing_else),
        cmocka_unit_test(meets_where_one_topic_is_of_both),
        cmocka_unit_test(agrees_with_the_topics_themselves),
        cmocka_unit_test(takes_shared_filters_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
