// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "base/text.h"
#include "commands/commands.h"

static const struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run",       run_main,       "the proxy"                                                },
    {"check",     check_main,     "checks a configuration and the certificates that it names"},
    {"explain",   explain_main,   "which rule decides for a client, and why"                 },
    {"probe",     probe_main,     "what a client sees of a server: TLS, chain, CONNACK"      },
    {"inventory", inventory_main, "who connects to a running Postern, with what"             },
    {"top",       top_main,       "what a running Postern does, in a terminal"               },
    {"health",    health_main,    "whether a running Postern is ready, for health checks"    },
    {"certs",     certs_main,     "makes and shows certificates for development"             },
    {"broker",    broker_main,    "the included plaintext broker alone"                      },
    {"passwd",    passwd_main,    "sets passwords of the included broker"                    },
    {"schema",    schema_main,    "the JSON Schema of the configuration, for editors"        },
    {"version",   version_main,   "versions, and the crypto acceleration in use"             },
};

static void print_usage(FILE *out)
{
    (void)fputs("usage: postern COMMAND [OPTION]...\n\n"
                "Terminates TLS in front of MQTT brokers and decides who may come in.\n\n",
                out);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        (void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\npostern COMMAND --help tells more.\n", out);
}

static const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        if (strcmp(name, commands[i].name) == 0) return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[ARRAY_LENGTH(commands) + 2] = {"--help", "--version"};
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        names[i + 2] = commands[i].name;
    const char *nearest = text_nearest(name, names, ARRAY_LENGTH(names));
    (void)fprintf(stderr, "postern: there is no command %s", name);
    if (nearest != NULL) (void)fprintf(stderr, "; did you mean %s?", nearest);
    (void)fputs("\npostern --help lists them all.\n", stderr);
    return 2;
}

static int help_with(char *name)
{
    char *words[] = {name, (char[]){"--help"}, NULL};
    const struct command *command = command_named(name);
    return command == NULL ? unknown_command(name) : command->main(2, words);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0 && argc > 2) return help_with(argv[2]);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) return version_main(1, argv + 1);
    const struct command *command = command_named(argv[1]);
    return command == NULL ? unknown_command(argv[1]) : command->main(argc - 1, argv + 1);
}
