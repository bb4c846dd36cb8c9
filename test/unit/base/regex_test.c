// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "base/attributes.h"

static bool matches(const char *pattern, const char *text)
{
    char why[128];
    struct regex *regex = regex_new(pattern, why, sizeof why);
    assert_non_null(regex);
    bool matched = regex_matches(regex, text, strlen(text));
    regex_free(regex);
    return matched;
}

static void matches_all_of_the_text(void **state)
{
    (void)state;
    assert_true(matches("meter-[0-9]+", "meter-17"));
    assert_false(matches("meter-[0-9]+", "meter-17x"));
    assert_false(matches("meter-[0-9]+", "a meter-17"));
    assert_true(matches("a|b", "b"));
    assert_true(matches("", ""));
}

static void says_why_a_pattern_cannot_be_read(void **state)
{
    (void)state;
    char why[128] = "";
    assert_null(regex_new("meter-(", why, sizeof why));
    assert_non_null(strstr(why, "missing"));
    assert_null(regex_new("(a)\\1", why, sizeof why));
}

/* An engine that goes back would need longer than anybody waits. */
static void takes_no_longer_for_a_hostile_text(void **state)
{
    (void)state;
    char text[60000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    assert_false(matches("(a*)*(a*)*b", text));
    assert_false(matches("(x+x+)+y", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_all_of_the_text),
        cmocka_unit_test(says_why_a_pattern_cannot_be_read),
        cmocka_unit_test(takes_no_longer_for_a_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
