// SPDX-License-Identifier: GPL-3.0-or-later
#include <glob.h>

#include "test/unit/config/findings.h"

static void loads_every_example(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob(SOURCE_DIRECTORY "/config/examples/*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 6);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct findings findings = {0};
        struct config *config = config_load(found.gl_pathv[i], collect, &findings);
        if (!config || findings.count) fail_msg("%s:\n%s", found.gl_pathv[i], findings.text);
        config_free(config);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_every_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
