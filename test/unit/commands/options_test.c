// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
    bool go_on;
    int code;
    bool json;
    const char *file;
    struct option_values names;
    struct option_values words;
};

static struct outcome run(char **argv)
{
    struct outcome out = {0};
    const struct option_spec specs[] = {
        {"config", 'c', "FILE", "the configuration", .text = &out.file, .required = true},
        {"json",        0,      NULL,    "for machines",              .on = &out.json             },
        {"name",        'n',      "NAME",  "a name",          .values = &out.names    },
    };
    const struct options_command command = {"try", "Tries.",   specs, ARRAY_LENGTH(specs),
                                            "DIR", &out.words, 0,     1};
    int argc = 0;
    while (argv[argc])
        argc++;
    out.go_on = options_read(&command, argc, argv, &out.code);
    return out;
}

#define RUN(...) run((char *[]){(char[]){"try"}, __VA_ARGS__, NULL})
#define W(text)  ((char[]){text})

static void reads_every_form(void **state)
{
    (void)state;
    struct outcome out = RUN(W("--config"), W("a"), W("--json"), W("-n"), W("x"), W("-ny"),
                             W("--name=z"), W("dir"));
    assert_true(out.go_on);
    assert_string_equal(out.file, "a");
    assert_true(out.json);
    assert_int_equal(out.names.count, 3);
    assert_string_equal(out.names.items[1], "y");
    assert_string_equal(out.names.items[2], "z");
    assert_int_equal(out.words.count, 1);
    assert_string_equal(out.words.items[0], "dir");
}

static void takes_words_after_two_dashes(void **state)
{
    (void)state;
    struct outcome out = RUN(W("-c"), W("a"), W("--"), W("--json"));
    assert_true(out.go_on);
    assert_false(out.json);
    assert_string_equal(out.words.items[0], "--json");
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    assert_int_equal(RUN(W("-c"), W("a"), W("--jsn")).code, OPTIONS_USAGE);
    assert_int_equal(RUN(W("-c"), W("a"), W("-x")).code, OPTIONS_USAGE);
    assert_int_equal(RUN(W("-c"), W("a"), W("one"), W("two")).code, OPTIONS_USAGE);
    assert_int_equal(RUN(W("-c"), W("a"), W("--json=1")).code, OPTIONS_USAGE);
}

static void refuses_a_missing_value_or_option(void **state)
{
    (void)state;
    assert_int_equal(RUN(W("-c")).code, OPTIONS_USAGE);
    assert_int_equal(RUN(W("--json")).code, OPTIONS_USAGE);
}

static void shows_help_and_leaves_with_0(void **state)
{
    (void)state;
    struct outcome out = RUN(W("--help"));
    assert_false(out.go_on);
    assert_int_equal(out.code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(takes_words_after_two_dashes),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(refuses_a_missing_value_or_option),
        cmocka_unit_test(shows_help_and_leaves_with_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
