// SPDX-License-Identifier: GPL-3.0-or-later
/* What ends some day: certificates, revocation lists, rules. */
#include <string.h>

#include "proxy/admin/metrics.h"

static double left(time_t until)
{
    return (double)(until - time(NULL));
}

/* A listener may have two certificates of one subject (ECDSA and RSA): what counts is the one that
 * ends first. */
static const struct certificate *first_to_end(const struct credential_file *files, size_t count,
                                              const char *subject)
{
    const struct certificate *first = NULL;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < files[i].count; j++) {
            const struct certificate *item = &files[i].items[j];
            if (strcmp(item->subject, subject) != 0) continue;
            if (first == NULL || item->not_after < first->not_after) first = item;
        }
    return first;
}

static void put_certificates(struct exposition *out, const char *listener,
                             const struct credential_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < files[i].count; j++) {
            const struct certificate *item = &files[i].items[j];
            if (first_to_end(files, count, item->subject) != item) continue;
            exposition_value(out,
                             EXPOSITION_LABELS({"listener", listener}, {"subject", item->subject}),
                             left(item->not_after));
        }
}

/* Several listeners may have the same file, and a file several lists. */
static const struct credential_crl *next_due(const struct snapshot *snapshot, const char *path)
{
    const struct credential_crl *due = NULL;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct credentials *credentials = snapshot->listeners[i].credentials;
        for (size_t j = 0; j < credentials->crls_count; j++) {
            const struct credential_crl *item = &credentials->crls[j];
            if (item->next_update == 0 || strcmp(item->path, path) != 0) continue;
            if (due == NULL || item->next_update < due->next_update) due = item;
        }
    }
    return due;
}

static void put_crls(struct exposition *out, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct credentials *credentials = snapshot->listeners[i].credentials;
        for (size_t j = 0; j < credentials->crls_count; j++) {
            const struct credential_crl *item = &credentials->crls[j];
            if (next_due(snapshot, item->path) == item)
                exposition_value(out, EXPOSITION_LABELS({"file", item->path}),
                                 left(item->next_update));
        }
    }
}

static void put_rules(struct exposition *out, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->config->policies_count; i++) {
        const struct config_policy *policy = &snapshot->config->policies[i];
        for (size_t j = 0; j < policy->rules_count; j++)
            if (policy->rules[j].until != 0)
                exposition_value(
                    out,
                    EXPOSITION_LABELS({"policy", policy->name}, {"rule", policy->rules[j].name}),
                    left(policy->rules[j].until));
    }
}

void metrics_files(struct exposition *out, const struct snapshot *snapshot)
{
    exposition_begin(out, "postern_certificate_expiry_seconds", EXPOSITION_GAUGE,
                     "Time until a certificate of a listener's chains expires; negative: since.");
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct snapshot_listener *listener = &snapshot->listeners[i];
        put_certificates(out, listener->config->name, listener->credentials->chains,
                         listener->credentials->chains_count);
    }
    exposition_begin(out, "postern_client_ca_expiry_seconds", EXPOSITION_GAUGE,
                     "Time until a CA of client_ca expires; negative: since.");
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct snapshot_listener *listener = &snapshot->listeners[i];
        put_certificates(out, listener->config->name, &listener->credentials->authorities, 1);
    }
    exposition_begin(out, "postern_crl_next_update_seconds", EXPOSITION_GAUGE,
                     "Time until the next list of a file of client_crl is due; negative: since.");
    put_crls(out, snapshot);
    exposition_begin(out, "postern_rule_until_seconds", EXPOSITION_GAUGE,
                     "Time until a rule matches nobody any more; negative: since.");
    put_rules(out, snapshot);
}
