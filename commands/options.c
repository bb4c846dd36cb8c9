// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { NAMES_MAX = 64, SYNOPSIS_BYTES = 48 };

struct reader {
    const struct options_command *command;
    int argc;
    char **argv;
    int at;
    bool words_only;
    unsigned long long given; /* a bit for each row of the table */
};

int options_usage_error(const struct options_command *command, const char *format, ...)
{
    va_list arguments;
    (void)fprintf(stderr, "postern %s: ", command->name);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\nTry: postern %s --help\n", command->name);
    return OPTIONS_USAGE;
}

static void print_option(const struct option_spec *spec)
{
    char synopsis[SYNOPSIS_BYTES];
    char letter[] = {'-', spec->letter, ',', ' ', 0};
    (void)snprintf(synopsis, sizeof synopsis, "%s--%s%s%s", spec->letter ? letter : "    ",
                   spec->name, spec->value ? " " : "", spec->value ? spec->value : "");
    (void)printf("  %-28s %s%s\n", synopsis, spec->help, spec->values ? " (repeatable)" : "");
}

static void print_help(const struct options_command *command)
{
    (void)printf("Usage: postern %s", command->name);
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        char letter[] = {'-', spec->letter, 0};
        const char *word = spec->letter ? letter : spec->name;
        (void)printf(" %s%s%s%s%s%s%s", spec->required ? "" : "[", spec->letter ? "" : "--", word,
                     spec->value ? " " : "", spec->value ? spec->value : "",
                     spec->required ? "" : "]", spec->values ? "..." : "");
    }
    if (command->words_usage) (void)printf(" %s", command->words_usage);
    (void)printf("\n\n%s\n\nOptions:\n", command->summary);
    for (size_t i = 0; i < command->count; i++)
        print_option(&command->specs[i]);
    print_option(&(struct option_spec){.name = "help", .letter = 'h', .help = "show this"});
}

/* Names the option that was likeliest meant by `word`, which has no dashes. */
static const char *nearest_option(const struct options_command *command, const char *word)
{
    const char *names[NAMES_MAX] = {"help"};
    size_t count = 1;
    for (size_t i = 0; i < command->count && count < NAMES_MAX; i++)
        names[count++] = command->specs[i].name;
    return text_nearest(word, names, count);
}

/* Where nothing is near, all that it could have been. */
static int unlike_any(const struct options_command *command, const char *word)
{
    char names[256] = "";
    size_t length = 0;
    for (size_t i = 0; i < command->count && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "--%s, ",
                                   command->specs[i].name);
    return options_usage_error(command, "unknown option %s: there is %s--help", word, names);
}

/* The file may stand there by itself in other programs. */
static int stray(const struct reader *in, const char *word)
{
    const struct options_command *command = in->command;
    for (size_t i = 0; i < command->count; i++)
        if (command->specs[i].required && !(in->given >> i & 1))
            return options_usage_error(command, "stray word %s: did you mean --%s %s?", word,
                                       command->specs[i].name, word);
    return options_usage_error(command, "stray word %s", word);
}

static int unknown(const struct reader *in, const char *kind, const char *word)
{
    char bare[64];
    const struct options_command *command = in->command;
    const char *start = word + strspn(word, "-");
    (void)snprintf(bare, sizeof bare, "%.*s", (int)strcspn(start, "="), start);
    const char *nearest = nearest_option(command, bare);
    if (nearest)
        return options_usage_error(command, "%s %s: did you mean --%s?", kind, word, nearest);
    return *word == '-' ? unlike_any(command, word) : stray(in, word);
}

static bool keep_value(struct option_values *values, const char *value)
{
    if (values->count == OPTION_VALUES_MAX) return false;
    values->items[values->count++] = value;
    return true;
}

/* Stores what `spec` was given; `value` is what stands in the same word, or NULL. */
static int take(struct reader *in, const struct option_spec *spec, const char *value)
{
    in->given |= 1ULL << (spec - in->command->specs);
    if (!spec->value) {
        if (value)
            return options_usage_error(in->command, "--%s is a switch and takes no value",
                                       spec->name);
        *spec->on = true;
        return OPTIONS_OK;
    }
    if (!value && in->at + 1 < in->argc) value = in->argv[++in->at];
    if (!value)
        return options_usage_error(in->command, "--%s needs a value: --%s %s", spec->name,
                                   spec->name, spec->value);
    if (spec->text) *spec->text = value;
    if (spec->values && !keep_value(spec->values, value))
        return options_usage_error(in->command, "--%s was given more than %d times", spec->name,
                                   OPTION_VALUES_MAX);
    return OPTIONS_OK;
}

static int read_long(struct reader *in, const char *word)
{
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] ? name + length + 1 : NULL;
    for (size_t i = 0; i < in->command->count; i++) {
        const struct option_spec *spec = &in->command->specs[i];
        if (strlen(spec->name) == length && memcmp(spec->name, name, length) == 0)
            return take(in, spec, value);
    }
    return unknown(in, "unknown option", word);
}

static int read_short(struct reader *in, const char *word)
{
    for (size_t i = 0; i < in->command->count; i++) {
        const struct option_spec *spec = &in->command->specs[i];
        if (spec->letter && spec->letter == word[1])
            return take(in, spec, word[2] ? word + 2 : NULL);
    }
    return unknown(in, "unknown option", word);
}

static int read_word(struct reader *in, const char *word)
{
    const struct options_command *command = in->command;
    if (!in->words_only && strcmp(word, "--") == 0) {
        in->words_only = true;
        return OPTIONS_OK;
    }
    if (!in->words_only && strncmp(word, "--", 2) == 0) return read_long(in, word);
    if (!in->words_only && word[0] == '-' && word[1]) return read_short(in, word);
    if (!command->words || command->words->count >= command->words_max ||
        !keep_value(command->words, word))
        return unknown(in, "stray word", word);
    return OPTIONS_OK;
}

static int check_complete(const struct reader *in)
{
    const struct options_command *command = in->command;
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        if (spec->required && !(in->given >> i & 1))
            return options_usage_error(command, "--%s %s is missing", spec->name, spec->value);
    }
    if (command->words && command->words->count < command->words_min)
        return options_usage_error(command, "%s expected", command->words_usage);
    return OPTIONS_OK;
}

bool options_read(const struct options_command *command, int argc, char **argv, int *code)
{
    struct reader in = {.command = command, .argc = argc, .argv = argv, .at = 1};
    assert(command->count < NAMES_MAX);
    *code = OPTIONS_OK;
    for (; in.at < argc; in.at++) {
        const char *word = argv[in.at];
        if (!in.words_only && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(command);
            return false;
        }
        *code = read_word(&in, word);
        if (*code != OPTIONS_OK) return false;
    }
    *code = check_complete(&in);
    return *code == OPTIONS_OK;
}
