// SPDX-License-Identifier: GPL-3.0-or-later
/* postern check: the configuration and every file that it names, without a socket. */
#include <stdio.h>

#include "commands/commands.h"
#include "commands/configuration.h"
#include "commands/options.h"

static int check_file(const char *path)
{
    struct configuration_findings found;
    config_free(configuration_load(path, stdout, &found));
    if (found.errors > 0) return 1;
    if (found.warnings > 0)
        (void)fprintf(stderr, "%s: no errors, %zu warning%s\n", path, found.warnings,
                      found.warnings == 1 ? "" : "s");
    else
        (void)fprintf(stderr, "%s: no errors\n", path);
    return 0;
}

int check_main(int argc, char **argv)
{
    const char *file = NULL;
    int code = OPTIONS_OK;
    const struct option_spec specs[] = {
        {"config", 'c', "FILE", "the configuration (YAML)", .text = &file, .required = true},
    };
    const struct options_command command = {
        "check",
        "Loads a configuration and every file that it names (certificates, keys, CAs, CRLs, "
        "passwords),\nopens no socket, and prints what is wrong, a line each:\n"
        "FILE:LINE:COL: error|warning: what, and what to do. That nothing is, it says on the "
        "standard error.\nExit status: 0 without errors, 1 with errors.",
        specs, ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    return check_file(file);
}
