// SPDX-License-Identifier: GPL-3.0-or-later
/* postern schema: what a configuration can say, for editors and for people. */
#include <stdio.h>
#include <stdlib.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "config/reference.h"
#include "config/schema_json.h"

int schema_main(int argc, char **argv)
{
    bool reference = false;
    bool man = false;
    int code = OPTIONS_OK;
    const struct option_spec specs[] = {
        {"reference", 0, NULL, "the reference page in Markdown instead",  .on = &reference},
        {"man",       0, NULL, "the manual page postern.yaml(5) instead", .on = &man      },
    };
    const struct options_command command = {
        "schema", "Prints the JSON Schema of the configuration, for editors.", specs,
        ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    if (reference && man) return options_usage_error(&command, "--reference or --man, not both");
    char *text = reference ? reference_page() : man ? reference_man() : schema_json();
    bool written = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    free(text);
    return written ? 0 : 1;
}
