// SPDX-License-Identifier: GPL-3.0-or-later
/* postern check: the configuration and every file that it names, without a socket. */
#include <stdio.h>
#include <string.h>

#include "certs/lint.h"
#include "commands/commands.h"
#include "commands/findings.h"
#include "commands/options.h"
#include "config/config.h"
#include "config/diagnostics.h"
#include "proxy/tls/ticket.h"

struct check {
    const struct config *config;
    struct diagnostics found;
    size_t warnings;
    struct config_mark mark;               /* where the file is named that is looked at */
    const struct config_certificate *pair; /* NULL: no certificate with its key is looked at */
};

static void note(struct check *check, struct config_mark mark, enum config_severity severity,
                 const char *text)
{
    if (severity == CONFIG_ERROR)
        diagnostics_error(&check->found, mark, "%s", text);
    else
        diagnostics_warning(&check->found, mark, "%s", text);
}

static void note_finding(void *arg, const char *path, struct config_mark mark,
                         enum config_severity severity, const char *text)
{
    (void)path; /* there is only one */
    note(arg, mark, severity, text);
}

/* A sentence about a pair begins with the file that is to blame: the key has a place of its own. */
static bool blames_key(const struct config_certificate *pair, const char *text)
{
    const char *key = pair ? strstr(text, pair->private_key) : NULL;
    const char *certificate = pair ? strstr(text, pair->certificate) : NULL;
    return key && (!certificate || key < certificate);
}

static void note_lint(void *arg, enum lint_severity severity, const char *text)
{
    struct check *check = arg;
    struct config_mark mark = check->mark;
    if (blames_key(check->pair, text))
        mark = config_mark_of(check->config, &check->pair->private_key);
    note(check, mark, severity == LINT_ERROR ? CONFIG_ERROR : CONFIG_WARNING, text);
}

static void look_at(struct check *check, const void *field)
{
    check->mark = config_mark_of(check->config, field);
}

static void lint_tickets(struct check *check, const struct config_tls *tls)
{
    struct err err;
    if (!tls->session_tickets.enabled || !tls->session_tickets.key_file) return;
    struct ticket_keys *keys = ticket_keys_new(
        tls->session_tickets.key_file, (int64_t)tls->session_tickets.rotate_ms / 1000,
        (int64_t)tls->session_tickets.lifetime_ms / 1000, &err);
    look_at(check, &tls->session_tickets.key_file);
    if (!keys) note(check, check->mark, CONFIG_ERROR, err.text);
    ticket_keys_free(keys);
}

/* Errors are counted by the diagnostics that they become. */
static void lint_tls(struct check *check, const struct config_tls *tls)
{
    for (size_t i = 0; i < tls->certificates_count; i++) {
        const struct config_certificate *pair = &tls->certificates[i];
        look_at(check, &pair->certificate);
        check->pair = pair;
        (void)certs_lint_server(pair->certificate, pair->private_key, note_lint, check);
    }
    check->pair = NULL;
    lint_tickets(check, tls);
    if (tls->client_certificate == CONFIG_CLIENT_CERTIFICATE_NONE) return;
    look_at(check, &tls->client_ca);
    (void)certs_lint_client_ca(tls->client_ca, note_lint, check);
    for (size_t i = 0; i < tls->client_crl.count; i++) {
        look_at(check, &tls->client_crl.items[i]);
        (void)certs_lint_crl(tls->client_crl.items[i], tls->client_ca, note_lint, check);
    }
}

/* Counts what is printed: a place that was read through several aliases is told once. */
static void print_counted(void *arg, const char *path, struct config_mark mark,
                          enum config_severity severity, const char *text)
{
    struct check *check = arg;
    if (severity == CONFIG_WARNING) check->warnings++;
    print_finding(stdout, path, mark, severity, text);
}

static int check_file(const char *path)
{
    struct check check = {0};
    struct config *config = config_load(path, note_finding, &check);
    check.config = config;
    for (size_t i = 0; config && i < config->listeners_count; i++)
        lint_tls(&check, &config->listeners[i].tls);
    diagnostics_tell(&check.found, path, print_counted, &check);
    bool ok = check.found.errors == 0;
    if (ok && check.warnings)
        (void)printf("%s: no errors, %zu warning%s\n", path, check.warnings,
                     check.warnings == 1 ? "" : "s");
    else if (ok)
        (void)printf("%s: no errors\n", path);
    diagnostics_clear(&check.found);
    config_free(config);
    return ok ? 0 : 1;
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
        "Loads a configuration and the certificates, keys, CAs and CRLs that it names, opens no "
        "socket,\nand prints what is wrong, a line each: FILE:LINE:COL: error|warning: what, and "
        "what to do.\nExit status: 0 without errors, 1 with errors.",
        specs, ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    return check_file(file);
}
