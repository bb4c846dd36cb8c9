// SPDX-License-Identifier: GPL-3.0-or-later
/* The options of a subcommand as a table: read, checked, and printed by --help.
 *
 *     const char *file = NULL;
 *     const struct option_spec specs[] = {
 *         {"config", 'c', "FILE", "the configuration", .text = &file, .required = true},
 *     };
 *     const struct options_command command = {
 *         "check", "Checks a configuration.", specs, ARRAY_LENGTH(specs)};
 *     int code;
 *     if (!options_read(&command, argc, argv, &code)) return code;                            */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

enum { OPTIONS_OK = 0, OPTIONS_USAGE = 2, OPTION_VALUES_MAX = 64 };

/* What a repeatable option, or the words without a dash, were; strings lent by argv. */
struct option_values {
    const char *items[OPTION_VALUES_MAX];
    size_t count;
};

/* One option. Exactly one of `on`, `text` and `values` is set; the last two take a value. */
struct option_spec {
    const char *name;  /* without the dashes */
    char letter;       /* 0: no short form */
    const char *value; /* what the help calls the value, such as "FILE"; NULL for a switch */
    const char *help;
    bool *on;                     /* set to true */
    const char **text;            /* the last one counts */
    struct option_values *values; /* may be given again and again */
    bool required;
};

struct options_command {
    const char *name;    /* "check": what follows "postern " in the usage line */
    const char *summary; /* a sentence or more */
    const struct option_spec *specs;
    size_t count;
    /* Words without a dash; NULL: none are taken. */
    const char *words_usage; /* "DIR NAME" */
    struct option_values *words;
    size_t words_min;
    size_t words_max;
};

/* Reads argv[1] to the end (argv[0] is the subcommand) into the places that the table names, as
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`; after `--` everything is a word. False:
 * leave with `*code`: 0 after --help (printed on stdout), 2 after a mistake (named on stderr,
 * with the nearest right word). */
MUST_USE bool options_read(const struct options_command *command, int argc, char **argv, int *code);
/* Prints what is wrong with the use of `command` and where help is; always OPTIONS_USAGE. */
int options_usage_error(const struct options_command *command, const char *format, ...)
    PRINTF(2, 3);
