// SPDX-License-Identifier: GPL-3.0-or-later
/* postern certs: a development PKI, and a look at certificate files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "certs/pki.h"
#include "commands/certs_show.h"
#include "commands/commands.h"
#include "commands/options.h"

enum { DONE = 0, FAILED = 1 };

static int report(bool done, const struct err *err)
{
    if (!done) (void)fprintf(stderr, "postern certs: %s\n", err->text);
    return done ? DONE : FAILED;
}

/* --days and --key, as they were typed. */
struct leaf_words {
    const char *days;
    const char *key;
};

static const char DAYS_HELP[] = "how long the certificate is valid (default: 365)";
static const char KEY_HELP[] = "ecdsa (P-256, the default) or rsa (2048 bits)";

/* False: a usage error, whose code is in `code`. */
static bool read_leaf_words(struct pki_options *out, const struct leaf_words *words,
                            const struct options_command *command, int *code)
{
    static const char *const kinds[] = {"ecdsa", "rsa"};
    char *end = NULL;
    *out = (struct pki_options){PKI_DAYS_DEFAULT, CERTIFICATE_KEY_ECDSA};
    if (words->days != NULL) {
        long days = strtol(words->days, &end, 10);
        if (*words->days == 0 || *end != 0 || days < 1 || days > PKI_DAYS_MAX) {
            *code = options_usage_error(command, "--days %s: a number from 1 to %d is expected",
                                        words->days, PKI_DAYS_MAX);
            return false;
        }
        out->days = (unsigned)days;
    }
    if (words->key == NULL || strcmp(words->key, "ecdsa") == 0) return true;
    if (strcmp(words->key, "rsa") == 0) {
        out->key = CERTIFICATE_KEY_RSA;
        return true;
    }
    const char *nearest = text_nearest(words->key, kinds, ARRAY_LENGTH(kinds));
    *code = nearest != NULL
                ? options_usage_error(command, "--key %s: did you mean %s?", words->key, nearest)
                : options_usage_error(command, "--key %s: ecdsa or rsa is expected", words->key);
    return false;
}

static int init_main(int argc, char **argv)
{
    int code;
    struct err err;
    struct leaf_words leaf = {0};
    struct pki_options options;
    struct option_values names = {0};
    struct option_values words = {0};
    const struct option_spec specs[] = {
        {"name", 0, "DNS-or-IP",
         "what clients call the broker; may be given again (default: "
         "localhost, 127.0.0.1 and ::1)",   .values = &names  },
        {"days", 0, "N",         DAYS_HELP, .text = &leaf.days},
        {"key",  0, "KIND",      KEY_HELP,  .text = &leaf.key },
    };
    const struct options_command command = {
        "certs init",
        "Makes a development PKI in DIR: root CA, intermediate CA, broker certificate, a client "
        "certificate and CRLs. Never overwrites a CA.",
        specs,
        ARRAY_LENGTH(specs),
        "DIR",
        &words,
        1,
        1};
    if (!options_read(&command, argc, argv, &code)) return code;
    if (!read_leaf_words(&options, &leaf, &command, &code)) return code;
    const char *folder = words.items[0];
    bool done = pki_init(folder, names.items, names.count, &options, &err);
    if (done)
        (void)printf("%s: broker.pem and broker.key for the listener, ca.pem for those who check, "
                     "client.pem and client.key for a first client\n",
                     folder);
    return report(done, &err);
}

static int client_main(int argc, char **argv)
{
    int code;
    struct err err;
    const char *uri = NULL;
    struct leaf_words leaf = {0};
    struct pki_options options;
    struct option_values words = {0};
    const struct option_spec specs[] = {
        {"days",    0, "N",    DAYS_HELP,                         .text = &leaf.days},
        {"key",     0, "KIND", KEY_HELP,                          .text = &leaf.key },
        {"san-uri", 0, "URI",  "a URI for the certificate's SAN", .text = &uri      },
    };
    const struct options_command command = {
        "certs client",
        "Issues a certificate to the client NAME: DIR/NAME.pem (with the intermediate) and "
        "DIR/NAME.key.",
        specs,
        ARRAY_LENGTH(specs),
        "DIR NAME",
        &words,
        2,
        2};
    if (!options_read(&command, argc, argv, &code)) return code;
    if (!read_leaf_words(&options, &leaf, &command, &code)) return code;
    bool done = pki_issue_client(words.items[0], words.items[1], uri, &options, &err);
    return report(done, &err);
}

static int server_main(int argc, char **argv)
{
    int code;
    struct err err;
    struct leaf_words leaf = {0};
    struct pki_options options;
    struct option_values words = {0};
    const struct option_spec specs[] = {
        {"days", 0, "N",    DAYS_HELP, .text = &leaf.days},
        {"key",  0, "KIND", KEY_HELP,  .text = &leaf.key },
    };
    const struct options_command command = {
        "certs server",
        "Issues a certificate to the server NAME, a DNS name or an IP address: DIR/NAME.pem (with "
        "the intermediate) and DIR/NAME.key.",
        specs,
        ARRAY_LENGTH(specs),
        "DIR NAME",
        &words,
        2,
        2};
    if (!options_read(&command, argc, argv, &code)) return code;
    if (!read_leaf_words(&options, &leaf, &command, &code)) return code;
    bool done = pki_issue_server(words.items[0], words.items[1], &options, &err);
    return report(done, &err);
}

static int revoke_main(int argc, char **argv)
{
    int code;
    struct err err;
    struct option_values words = {0};
    const struct options_command command = {
        "certs revoke",
        "Revokes the certificates of NAME, and writes DIR/ca.crl again.",
        NULL,
        0,
        "DIR NAME",
        &words,
        2,
        2};
    if (!options_read(&command, argc, argv, &code)) return code;
    bool done = pki_revoke(words.items[0], words.items[1], &err);
    return report(done, &err);
}

static int crl_main(int argc, char **argv)
{
    int code;
    struct err err;
    struct option_values words = {0};
    const struct options_command command = {
        "certs crl", "Writes DIR/ca.crl again, valid for another year.",
        NULL,        0,
        "DIR",       &words,
        1,           1};
    if (!options_read(&command, argc, argv, &code)) return code;
    bool done = pki_renew_crl(words.items[0], &err);
    return report(done, &err);
}

static int show_main(int argc, char **argv)
{
    int code;
    struct err err;
    struct option_values words = {0};
    const struct options_command command = {
        "certs show",
        "Shows the certificates, CRLs and keys in FILE (PEM or DER).",
        NULL,
        0,
        "FILE",
        &words,
        1,
        1};
    if (!options_read(&command, argc, argv, &code)) return code;
    return report(certs_show(stdout, words.items[0], &err), &err);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
    const char *summary;
} actions[] = {
    {"init",   init_main,   "DIR",      "makes a development PKI"         },
    {"client", client_main, "DIR NAME", "issues a certificate to a client"},
    {"server", server_main, "DIR NAME", "issues a certificate to a server"},
    {"revoke", revoke_main, "DIR NAME", "revokes what NAME was issued"    },
    {"crl",    crl_main,    "DIR",      "writes the CRLs again"           },
    {"show",   show_main,   "FILE",     "shows what is in a file"         },
};

static void print_help(FILE *out)
{
    (void)fprintf(out, "Usage: postern certs ACTION ...\n\n");
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
        (void)fprintf(out, "  %-7s %-9s %s\n", actions[i].name, actions[i].usage,
                      actions[i].summary);
    (void)fprintf(out, "\npostern certs ACTION --help has the options of each.\n");
}

static int unknown_action(const char *word)
{
    const char *names[ARRAY_LENGTH(actions)];
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
        names[i] = actions[i].name;
    const char *nearest = text_nearest(word, names, ARRAY_LENGTH(names));
    if (nearest != NULL)
        (void)fprintf(stderr, "postern certs: unknown action %s: did you mean %s?\n", word,
                      nearest);
    else
        (void)fprintf(stderr, "postern certs: unknown action %s; see postern certs --help\n", word);
    return OPTIONS_USAGE;
}

int certs_main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return OPTIONS_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return OPTIONS_OK;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
        if (strcmp(actions[i].name, argv[1]) == 0) return actions[i].run(argc - 1, argv + 1);
    return unknown_action(argv[1]);
}
