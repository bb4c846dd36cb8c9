// SPDX-License-Identifier: GPL-3.0-or-later
/* Texts that people and editors read, compared with the files in the repository. To renew them:
 * `postern schema >test/golden/schema.json`, `postern schema --reference >docs/configuration.md`,
 * `postern schema --man >deploy/man/postern.yaml.5`.
 */
#include <stdlib.h>

#include "config/reference.h"
#include "config/schema_json.h"
#include "test/unit/config/findings.h"

static char *read_file(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    if (!file) fail_msg("%s cannot be read", path);
    ssize_t length = getdelim(&text, &room, 0, file);
    (void)fclose(file);
    assert_true(length > 0);
    return text;
}

static void compare(const char *path, const char *actual)
{
    char *expected = read_file(path);
    size_t line = 1;
    size_t at = 0;
    for (; actual[at] && actual[at] == expected[at]; at++)
        line += actual[at] == '\n';
    if (actual[at] != expected[at])
        fail_msg("%s:%zu differs from what is made now:\n%.200s", path, line, actual + at);
    free(expected);
}

static void keeps_the_json_schema(void **state)
{
    (void)state;
    char *schema = schema_json();
    compare(SOURCE_DIRECTORY "/test/golden/schema.json", schema);
    free(schema);
}

static void keeps_the_reference_page(void **state)
{
    (void)state;
    char *page = reference_page();
    compare(SOURCE_DIRECTORY "/docs/configuration.md", page);
    free(page);
}

static void keeps_the_manual_page(void **state)
{
    (void)state;
    char *page = reference_man();
    compare(SOURCE_DIRECTORY "/deploy/man/postern.yaml.5", page);
    free(page);
}

static void finds_every_error_of_a_bad_file_in_one_pass(void **state)
{
    (void)state;
    struct findings findings = {0};
    assert_null(
        config_load(SOURCE_DIRECTORY "/test/golden/config-errors.yaml", collect, &findings));
    compare(SOURCE_DIRECTORY "/test/golden/config-errors.txt", findings.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_json_schema),
        cmocka_unit_test(keeps_the_reference_page),
        cmocka_unit_test(keeps_the_manual_page),
        cmocka_unit_test(finds_every_error_of_a_bad_file_in_one_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
