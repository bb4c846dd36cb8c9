// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/text.h"

static void globs_match_as_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } rows[] = {
        {"",      "",       true },
        {"*",     "",       true },
        {"?",     "",       false},
        {"a*",    "abc",    true },
        {"*c",    "abc",    true },
        {"a*c",   "abc",    true },
        {"a*c",   "abd",    false},
        {"a?c",   "abc",    true },
        {"a?c",   "ac",     false},
        {"a",     "A",      false},
        {"*a*b*", "xxaxxb", true },
        {"**",    "x",      true },
        {"abc",   "abcd",   false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (text_glob(span_of(rows[i].pattern), span_of(rows[i].text)) != rows[i].matches)
            fail_msg("%s for %s", rows[i].pattern, rows[i].text);
}

/* Where a glob is tried recursively, this takes longer than anybody waits. */
static void a_hostile_glob_costs_little(void **state)
{
    (void)state;
    char pattern[201];
    char text[4001];
    for (size_t i = 0; i < 200; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[200] = '\0';
    memset(text, 'a', 4000);
    text[3999] = 'b';
    text[4000] = '\0';
    assert_false(text_glob(span_of(pattern), span_of(text)));
}

static void escapes_what_would_redraw_a_terminal(void **state)
{
    (void)state;
    char out[64];
    (void)text_escape(out, sizeof out, span_of("a\n\x1b[1m\"\\\xc2\x9b\xff\xe2\x80\xaeü"));
    assert_string_equal(out, "a\\x0a\\x1b[1m\\\"\\\\\\xc2\\x9b\\xff\\xe2\\x80\\xaeü");
    (void)text_escape(out, 4, span_of("ab\nc"));
    assert_string_equal(out, "ab");
}

static void escapes_json(void **state)
{
    (void)state;
    char out[64];
    (void)text_escape_json(out, sizeof out, span_of("a\n\"\\\xff\x7fü"));
    assert_string_equal(out, "a\\u000a\\\"\\\\\\ufffd\\u007fü");
}

static void finds_the_nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = {"listeners", "backends", "policies", "log"};
    assert_string_equal(text_nearest("listners", words, 4), "listeners");
    assert_string_equal(text_nearest("Backend", words, 4), "backends");
    assert_null(text_nearest("something", words, 4));
    assert_null(text_nearest("", words, 4));
}

static void knows_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc3",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xff"};
    assert_true(text_is_utf8(span_of("aé€😀")));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(text_is_utf8(span_of(bad[i])));
}

static void says_spans_of_time_for_people(void **state)
{
    (void)state;
    char out[TEXT_DURATION_ROOM];
    assert_string_equal(text_duration(out, 3 * 86400 + 5), "3 days");
    assert_string_equal(text_duration(out, 30 * 3600), "30 hours");
    assert_string_equal(text_duration(out, 119), "119 seconds");
    assert_string_equal(text_duration(out, 1), "1 second");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_as_they_say),
        cmocka_unit_test(a_hostile_glob_costs_little),
        cmocka_unit_test(escapes_what_would_redraw_a_terminal),
        cmocka_unit_test(escapes_json),
        cmocka_unit_test(finds_the_nearest_word),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(says_spans_of_time_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
