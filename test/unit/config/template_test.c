// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/names.h"

struct template_case {
    const char *text;
    const char *value;    /* where only the environment counts; NULL: refused */
    const char *template; /* where names are taken; NULL: refused */
};

static void check(const struct template_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        struct err err;
        const char *value = template_expand(&arena, cases[i].text, NULL, 0, &err);
        const char *kept = template_expand(&arena, cases[i].text, names_templates.items,
                                           names_templates.count, &err);
        if (!value != !cases[i].value || (value && strcmp(value, cases[i].value) != 0))
            fail_msg("%s: %s", cases[i].text, value ? value : "refused");
        if (!kept != !cases[i].template || (kept && strcmp(kept, cases[i].template) != 0))
            fail_msg("%s as a template: %s", cases[i].text, kept ? kept : "refused");
        arena_clear(&arena);
    }
}

static void fills_in_the_environment(void **state)
{
    (void)state;
    static const struct template_case cases[] = {
        {"",                           "",             ""            },
        {"plain",                      "plain",        "plain"       },
        {"${env.T_SET}",               "value",        "value"       },
        {"a${env.T_SET}b${env.T_SET}", "avaluebvalue", "avaluebvalue"},
        {"${env.T_SET:-other}",        "value",        "value"       },
        {"${env.T_UNSET:-other}",      "other",        "other"       },
        {"${env.T_UNSET:-}",           "",             ""            },
        {"${env.T_EMPTY}",             "",             ""            },
        {"${env.T_EMPTY:-other}",      "other",        "other"       },
        {"${env.T_UNSET:-a:-b}",       "a:-b",         "a:-b"        },
        {"${env.T_UNSET}",             NULL,           NULL          },
        {"${env.}",                    NULL,           NULL          },
        {"${env.:-x}",                 NULL,           NULL          },
        {"${env.T_BAD}",               NULL,           NULL          },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void keeps_dollars_that_are_meant_as_such(void **state)
{
    (void)state;
    static const struct template_case cases[] = {
        {"$$",             "$",            "$$"           },
        {"$${env.T_SET}",  "${env.T_SET}", "$${env.T_SET}"},
        {"$",              "$",            "$$"           },
        {"a$b",            "a$b",          "a$$b"         },
 /* What the environment says is never a template itself. */
        {"${env.T_NASTY}", "${client_id}", "$${client_id}"},
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void takes_other_names_only_where_they_mean_something(void **state)
{
    (void)state;
    static const struct template_case cases[] = {
        {"${client_id}",                 NULL, "${client_id}"                },
        {"x-${username}.${server_name}", NULL, "x-${username}.${server_name}"},
        {"${password}",                  NULL, NULL                          },
        {"${clientid}",                  NULL, NULL                          },
        {"${}",                          NULL, NULL                          },
        {"${client_id",                  NULL, NULL                          },
        {"${",                           NULL, NULL                          },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void names_the_nearest_name(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err err;
    assert_null(
        template_expand(&arena, "${clientid}", names_templates.items, names_templates.count, &err));
    assert_non_null(strstr(err.text, "did you mean ${client_id}?"));
    assert_null(template_expand(&arena, "${env.T_UNSET}", NULL, 0, &err));
    assert_non_null(strstr(err.text, "T_UNSET is not set"));
    arena_clear(&arena);
}

static void refuses_names_that_are_too_long(void **state)
{
    (void)state;
    char text[400] = "${env.";
    struct arena arena = {0};
    struct err err;
    memset(text + 6, 'a', 300);
    strcpy(text + 306, "}");
    assert_null(template_expand(&arena, text, NULL, 0, &err));
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_the_environment),
        cmocka_unit_test(keeps_dollars_that_are_meant_as_such),
        cmocka_unit_test(takes_other_names_only_where_they_mean_something),
        cmocka_unit_test(names_the_nearest_name),
        cmocka_unit_test(refuses_names_that_are_too_long),
    };
    if (setenv("T_SET", "value", 1) || setenv("T_EMPTY", "", 1) || unsetenv("T_UNSET") ||
        setenv("T_BAD", "\xff", 1) || setenv("T_NASTY", "${client_id}", 1))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
