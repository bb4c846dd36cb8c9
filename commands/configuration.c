// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/configuration.h"

#include <pwd.h>
#include <string.h>

#include "broker/password_file.h"
#include "certs/lint.h"
#include "commands/findings.h"
#include "config/diagnostics.h"
#include "proxy/policy/passwords.h"
#include "proxy/tls/ticket.h"

struct reading {
    const struct config *config;
    struct diagnostics found;
    FILE *out;
    struct configuration_findings *counted;
    struct config_mark mark;               /* where the file is named that is looked at */
    const struct config_certificate *pair; /* NULL: no certificate with its key is looked at */
};

static void note(struct reading *reading, struct config_mark mark, enum config_severity severity,
                 const char *text)
{
    if (severity == CONFIG_ERROR)
        diagnostics_error(&reading->found, mark, "%s", text);
    else
        diagnostics_warning(&reading->found, mark, "%s", text);
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
    struct reading *reading = arg;
    struct config_mark mark = reading->mark;
    if (blames_key(reading->pair, text))
        mark = config_mark_of(reading->config, &reading->pair->private_key);
    note(reading, mark, severity == LINT_WARNING ? CONFIG_WARNING : CONFIG_ERROR, text);
    if (severity == LINT_OUTDATED) reading->counted->outdated++;
}

static void look_at(struct reading *reading, const void *field)
{
    reading->mark = config_mark_of(reading->config, field);
}

static void lint_tickets(struct reading *reading, const struct config_tls *tls)
{
    struct err err;
    if (!tls->session_tickets.enabled || !tls->session_tickets.key_file) return;
    struct ticket_keys *keys = ticket_keys_new(
        tls->session_tickets.key_file, (int64_t)tls->session_tickets.rotate_ms / 1000,
        (int64_t)tls->session_tickets.lifetime_ms / 1000, &err);
    look_at(reading, &tls->session_tickets.key_file);
    if (!keys) note(reading, reading->mark, CONFIG_ERROR, err.text);
    ticket_keys_unref(keys);
}

/* Errors are counted by the diagnostics that they become. */
static void lint_tls(struct reading *reading, const struct config_tls *tls)
{
    for (size_t i = 0; i < tls->certificates_count; i++) {
        const struct config_certificate *pair = &tls->certificates[i];
        look_at(reading, &pair->certificate);
        reading->pair = pair;
        (void)certs_lint_server(pair->certificate, pair->private_key, note_lint, reading);
        reading->pair = NULL;
        (void)certs_lint_staple(pair->certificate, tls->ocsp_stapling, note_lint, reading);
    }
    reading->pair = NULL;
    lint_tickets(reading, tls);
    if (tls->client_certificate == CONFIG_CLIENT_CERTIFICATE_NONE) return;
    look_at(reading, &tls->client_ca);
    (void)certs_lint_client_ca(tls->client_ca, note_lint, reading);
    for (size_t i = 0; i < tls->client_crl.count; i++) {
        look_at(reading, &tls->client_crl.items[i]);
        (void)certs_lint_crl(tls->client_crl.items[i], tls->client_ca, note_lint, reading);
    }
}

static void lint_broker(struct reading *reading, const struct config_broker *broker)
{
    struct err err;
    if (!broker->password_file) return;
    struct password_file *users = password_file_load(broker->password_file, &err);
    look_at(reading, &broker->password_file);
    if (!users) note(reading, reading->mark, CONFIG_ERROR, err.text);
    password_file_free(users);
}

static void lint_rule(struct reading *reading, const struct config_rule *rule)
{
    struct err err;
    if (!rule->connect.password_file) return;
    look_at(reading, &rule->connect.password_file);
    if (!passwords_check(rule->connect.password_file, &err))
        note(reading, reading->mark, CONFIG_ERROR, err.text);
}

/* The file may be checked on another machine than the one that it is for. */
static void lint_user(struct reading *reading, const struct config *config)
{
    if (!config->user || getpwnam(config->user)) return;
    diagnostics_warning(
        &reading->found, config_mark_of(config, &config->user),
        "this machine has no user %s, so that a start as root fails here; create it "
        "(useradd --system %s) or name another one",
        config->user, config->user);
}

/* A place that was read through several aliases is told once, so it is counted here. */
static void print_counted(void *arg, const char *path, struct config_mark mark,
                          enum config_severity severity, const char *text)
{
    struct reading *reading = arg;
    if (severity == CONFIG_WARNING) reading->counted->warnings++;
    print_finding(reading->out, path, mark, severity, text);
}

struct config *configuration_load(const char *path, FILE *out,
                                  struct configuration_findings *counted)
{
    struct reading reading = {.out = out, .counted = counted};
    *counted = (struct configuration_findings){0};
    struct config *config = config_load(path, note_finding, &reading);
    reading.config = config;
    if (config) lint_user(&reading, config);
    for (size_t i = 0; config && i < config->listeners_count; i++)
        lint_tls(&reading, &config->listeners[i].tls);
    for (size_t i = 0; config && i < config->backends_count; i++)
        if (config->backends[i].builtin_broker) lint_broker(&reading, &config->backends[i].broker);
    for (size_t i = 0; config && i < config->policies_count; i++)
        for (size_t j = 0; j < config->policies[i].rules_count; j++)
            lint_rule(&reading, &config->policies[i].rules[j]);
    diagnostics_tell(&reading.found, path, print_counted, &reading);
    counted->errors = reading.found.errors;
    diagnostics_clear(&reading.found);
    return config;
}
