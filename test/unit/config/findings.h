// SPDX-License-Identifier: GPL-3.0-or-later
/* Collects findings as text, a line each: LINE:COLUMN: error: what. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

struct findings {
    char text[64 * 1024];
    size_t count;
};

static inline void collect(void *arg, const char *path, struct config_mark mark,
                           enum config_severity severity, const char *text)
{
    struct findings *findings = arg;
    size_t used = strlen(findings->text);
    (void)path;
    findings->count++;
    (void)snprintf(findings->text + used, sizeof findings->text - used, "%u:%u: %s: %s\n",
                   mark.line, mark.column, severity == CONFIG_ERROR ? "error" : "warning", text);
}

/* Each line of `expected` is the beginning of a line of what was found, and there are no others. */
static inline void assert_found(const struct findings *findings, const char *expected)
{
    const char *actual = findings->text;
    while (*expected || *actual) {
        size_t wanted = strcspn(expected, "\n");
        if (!*expected || !*actual || strncmp(actual, expected, wanted) != 0)
            fail_msg("expected\n%s\nfound\n%s", expected, findings->text);
        expected += wanted + (expected[wanted] == '\n');
        size_t length = strcspn(actual, "\n");
        actual += length + (actual[length] == '\n');
    }
}
