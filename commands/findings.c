// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/findings.h"

#include <stdio.h>

void print_finding(void *arg, const char *path, struct config_mark mark,
                   enum config_severity severity, const char *text)
{
    (void)fprintf(arg, "%s:%u:%u: %s: %s\n", path, mark.line, mark.column,
                  severity == CONFIG_ERROR ? "error" : "warning", text);
}
