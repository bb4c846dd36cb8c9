// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "mqtt/topic.h"

static void knows_filters_from_what_is_none(void **state)
{
    (void)state;
    static const char *const good[] = {"a",   "/",     "#",  "+",           "a/#",
                                       "+/+", "a/+/b", "/#", "$share/g/a/#"};
    static const char *const bad[] = {"",   "a#",       "a/#/b",     "a+",         "+a/b",
                                      "##", "$share/g", "$share//a", "$share/+/a", "$share/g/"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        if (!mqtt_topic_filter_is_valid(span_of(good[i]))) fail_msg("%s", good[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        if (mqtt_topic_filter_is_valid(span_of(bad[i]))) fail_msg("%s", bad[i]);
}

static void a_name_has_no_wildcard(void **state)
{
    (void)state;
    assert_true(mqtt_topic_name_is_valid(span_of("a/b")));
    assert_false(mqtt_topic_name_is_valid(span_of("")));
    assert_false(mqtt_topic_name_is_valid(span_of("a/+")));
    assert_false(mqtt_topic_name_is_valid(span_of("a/#")));
}

static void matches_as_the_specification_says(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        const char *name;
        bool matches;
    } rows[] = {
        {"a/b",    "a/b",    true },
        {"a/b",    "a/c",    false},
        {"a/b",    "a/b/c",  false},
        {"a/#",    "a",      true },
        {"a/#",    "a/b/c",  true },
        {"a/#",    "b",      false},
        {"#",      "a/b",    true },
        {"#",      "$SYS/x", false},
        {"+/x",    "$SYS/x", false},
        {"$SYS/#", "$SYS/x", true },
        {"+",      "a",      true },
        {"+",      "/a",     false},
        {"+/+",    "/a",     true },
        {"/+",     "/a",     true },
        {"a/+/c",  "a//c",   true },
        {"a/+",    "a",      false},
        {"a/+",    "a/",     true },
        {"a",      "a/",     false},
        {"a/+/#",  "a/b",    true },
        {"a/+/#",  "a",      false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (mqtt_topic_matches(span_of(rows[i].filter), span_of(rows[i].name)) != rows[i].matches)
            fail_msg("%s for %s", rows[i].filter, rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_filters_from_what_is_none),
        cmocka_unit_test(a_name_has_no_wildcard),
        cmocka_unit_test(matches_as_the_specification_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
