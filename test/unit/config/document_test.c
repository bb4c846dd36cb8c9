// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/document.h"

#include <stdlib.h>

#include "test/unit/config/findings.h"

static void expect(const char *text, size_t length, const char *expected)
{
    struct findings findings = {0};
    struct config *config = config_parse("t.yaml", text, length, collect, &findings);
    assert_null(config);
    assert_found(&findings, expected);
}

static void says_where_the_syntax_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"a: [1, 2\nb: 3\n", "2:2: error: YAML syntax: "                                              },
        {"a: b: c\n",        "1:5: error: YAML syntax: mapping values are not allowed in this context"},
        {"a:\n\t- b\n",      "2:1: error: YAML syntax: found character that cannot start any token"   },
        {"a: \"x\n",         "2:1: error: YAML syntax: found unexpected end of stream"                },
        {"a: *b\n",          "1:4: error: YAML syntax: found undefined alias"                         },
        {"a: \x01\n",        "1:4: error: YAML syntax: control characters are not allowed"            },
        {"\xc3\xa4: [\n",    "2:1: error: YAML syntax: "                                              },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        expect(cases[i].text, strlen(cases[i].text), cases[i].expected);
}

static void says_what_to_do_about_usual_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *hint;
    } cases[] = {
        {"listeners:\n- address: [::]:8883\n", "quote an address with brackets"     },
        {"a:\n  client_id: *\n",               "quote a value that begins with *"   },
        {"a: *meter\n",                        "quote a value that begins with *"   },
        {"a:\n\tb: 1\n",                       "indent with spaces"                 },
        {"a: { b: ${env.B} }\n",               "quote a value with brackets, braces"},
        {"a:\n  b: 1\n c: 2\n",                "look at the indentation"            },
        {"a: \"b\n",                           "a quotation mark is missing"        },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct findings findings = {0};
        assert_null(config_parse("t", cases[i].text, strlen(cases[i].text), collect, &findings));
        if (!strstr(findings.text, cases[i].hint)) fail_msg("%s", findings.text);
    }
}

static void says_where_the_text_is_not_utf8(void **state)
{
    (void)state;
    expect("a: b\nc: \xc3\xa4\xff\n", 11, "2:5: error: this is not UTF-8 text");
    expect("\xff", 1, "1:1: error: this is not UTF-8 text");
    expect("a\xc3", 2, "1:2: error: this is not UTF-8 text");
    expect("a\0\0\0\xff", 5, "1:5: error: this is not UTF-8 text");
}

static void refuses_files_without_a_map(void **state)
{
    (void)state;
    expect("", 0, "1:1: error: the file is empty");
    expect("# nothing\n", 10, "1:1: error: the file is empty");
    expect("- a\n", 4, "1:1: error: the file: a map of keys is expected, and this is a list");
    expect("~\n", 2, "1:1: error: the file: a map of keys is expected, and this is nothing");
}

static void refuses_a_second_document(void **state)
{
    (void)state;
    expect("a: 1\n---\nb: 2\n", 14, "2:1: error: a second YAML document begins here");
}

static void refuses_what_is_too_large_deep_or_entangled(void **state)
{
    (void)state;
    size_t room = DOCUMENT_BYTES_MAX + 1;
    char *text = malloc(room);
    assert_non_null(text);
    memset(text, '#', room);
    expect(text, room, "1:1: error: larger than 4 MiB");
    memset(text, '[', 100);
    expect(text, 100, "1:65: error: nested more than 64 deep");
    size_t used = 0;
    for (int i = 0; i <= DOCUMENT_ANCHORS_MAX; i++)
        used += (size_t)snprintf(text + used, room - used, "- &a%d x\n", i);
    expect(text, used, "1001:3: error: more than 1000 anchors");
    free(text);
}

static void does_not_hang_on_cycles_and_bombs(void **state)
{
    (void)state;
    static const char cycle[] = "listeners: &a [*a]\nbackends: &b\n- &c {servers: [*c]}\n";
    expect(cycle, sizeof cycle - 1,
           "1:12: error: a listener: a map of keys is expected, and this is a list\n"
           "3:3: error: a server needs the key \"address\"\n"
           "3:7: error: unknown key \"servers\" in a server\n");
    char bomb[8192] = "backends:\n- servers: &s [";
    size_t used = strlen(bomb);
    for (int i = 0; i < 1000; i++)
        used += (size_t)snprintf(bomb + used, sizeof bomb - used, "h:1,");
    used += (size_t)snprintf(bomb + used, sizeof bomb - used, "]\n");
    for (int i = 0; i < 210; i++)
        used += (size_t)snprintf(bomb + used, sizeof bomb - used, "- servers: *s\n");
    struct findings findings = {0};
    assert_null(config_parse("t.yaml", bomb, used, collect, &findings));
    assert_non_null(strstr(findings.text, "error: more than 200000 values"));
}

static void does_not_multiply_long_texts_through_aliases(void **state)
{
    (void)state;
    size_t room = 2 << 20;
    char *text = malloc(room);
    assert_non_null(text);
    memset(text, 'x', room);
    size_t used = (size_t)snprintf(text, room, "user: &a \"");
    text[used] = 'x';
    used = 60000;
    used += (size_t)snprintf(text + used, room - used,
                             "\"\npolicies:\n- rules:\n  - match:\n      "
                             "client_id: [");
    for (int i = 0; i < 100000; i++)
        used += (size_t)snprintf(text + used, room - used, "*a ,");
    used += (size_t)snprintf(text + used, room - used, "]\n");
    struct findings findings = {0};
    assert_null(config_parse("t.yaml", text, used, collect, &findings));
    assert_non_null(strstr(findings.text, "error: more than 200000 values"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_the_syntax_is_wrong),
        cmocka_unit_test(says_what_to_do_about_usual_mistakes),
        cmocka_unit_test(says_where_the_text_is_not_utf8),
        cmocka_unit_test(refuses_files_without_a_map),
        cmocka_unit_test(refuses_a_second_document),
        cmocka_unit_test(refuses_what_is_too_large_deep_or_entangled),
        cmocka_unit_test(does_not_hang_on_cycles_and_bombs),
        cmocka_unit_test(does_not_multiply_long_texts_through_aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
