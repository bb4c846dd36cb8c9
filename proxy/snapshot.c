// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/tls/digest.h"

static void unref_counters(struct listener_counters *counters)
{
    if (counters == NULL) return;
    if (atomic_fetch_sub_explicit(&counters->references, 1, memory_order_acq_rel) != 1) return;
    tally_free(counters->tally);
    free(counters);
}

static void free_listener(struct snapshot_listener *listener, unsigned workers)
{
    for (unsigned i = 0; listener->tls != NULL && i < workers; i++)
        tls_context_set_unref(listener->tls[i]);
    free(listener->tls);
    tls_trust_unref(listener->trust);
    ticket_keys_unref(listener->tickets);
    sources_unref(listener->sources);
    unref_counters(listener->counters);
    credentials_free(listener->credentials);
}

static void free_snapshot(struct snapshot *snapshot)
{
    struct config *config = snapshot->config;
    for (size_t i = 0; snapshot->listeners != NULL && i < config->listeners_count; i++)
        free_listener(&snapshot->listeners[i], snapshot->workers);
    for (size_t i = 0; snapshot->pools != NULL && i < config->backends_count; i++)
        pool_clear(&snapshot->pools[i]);
    for (size_t i = 0; snapshot->policies != NULL && i < config->policies_count; i++)
        policy_free(snapshot->policies[i]);
    for (size_t i = 0; snapshot->rule_counters != NULL && i < config->policies_count; i++)
        if (snapshot->rule_counters[i].config != NULL)
            policy_counters_clear(&snapshot->rule_counters[i]);
    free(snapshot->policies);
    free(snapshot->rule_counters);
    passwords_free(snapshot->passwords);
    free(snapshot->listeners);
    free(snapshot->pools);
    config_free(config);
    free(snapshot);
}

size_t snapshot_find_listener(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        if (strcmp(snapshot->config->listeners[i].name, name) == 0) return i;
    return SIZE_MAX;
}

static bool keep_counters(struct snapshot_listener *listener,
                          const struct snapshot_listener *before, unsigned workers)
{
    if (before != NULL) {
        listener->counters = before->counters;
        (void)atomic_fetch_add_explicit(&listener->counters->references, 1, memory_order_relaxed);
        return true;
    }
    listener->counters = calloc(1, sizeof *listener->counters);
    if (listener->counters == NULL) return false;
    atomic_init(&listener->counters->references, 1);
    listener->counters->tally = tally_new(workers);
    return listener->counters->tally != NULL;
}

static const struct policy_counters *find_counters(const struct snapshot *snapshot,
                                                   const char *policy)
{
    for (size_t i = 0; snapshot != NULL && i < snapshot->config->policies_count; i++)
        if (strcmp(snapshot->config->policies[i].name, policy) == 0)
            return &snapshot->rule_counters[i];
    return NULL;
}

static bool load_policies(struct snapshot *snapshot, const struct snapshot *previous)
{
    const struct config *config = snapshot->config;
    snapshot->policies = calloc(config->policies_count + 1, sizeof(struct policy *));
    snapshot->rule_counters = calloc(config->policies_count + 1, sizeof *snapshot->rule_counters);
    if (snapshot->policies == NULL || snapshot->rule_counters == NULL) return false;
    for (size_t i = 0; i < config->policies_count; i++) {
        const struct config_policy *policy = &config->policies[i];
        if (!policy_counters_init(&snapshot->rule_counters[i], policy,
                                  find_counters(previous, policy->name), snapshot->workers))
            return false;
        snapshot->policies[i] = policy_new(policy);
        if (snapshot->policies[i] == NULL) return false;
    }
    return true;
}

/* What a source has on its account lives on over a reload. */
static bool keep_sources(struct snapshot_listener *listener, const struct snapshot_listener *before)
{
    const struct config_limits *limits = &listener->config->limits;
    if (limits->max_connections_per_source == 0 && !limits->penalised) return true;
    listener->sources = before != NULL && before->sources != NULL ? sources_ref(before->sources)
                                                                  : sources_new();
    return listener->sources != NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Keys live on over a reload, so that clients resume; those of a file are read again. */
static bool load_tickets(struct snapshot_listener *listener, const struct snapshot_listener *before,
                         struct err *err)
{
    const struct config_tls *config = &listener->config->tls;
    const struct config_tls *old = before == NULL ? NULL : &before->config->tls;
    if (!config->session_tickets.enabled) return true;
    if (old != NULL && before->tickets != NULL &&
        same_text(config->session_tickets.key_file, old->session_tickets.key_file) &&
        config->session_tickets.rotate_ms == old->session_tickets.rotate_ms &&
        config->session_tickets.lifetime_ms == old->session_tickets.lifetime_ms) {
        listener->tickets = ticket_keys_ref(before->tickets);
        return config->session_tickets.key_file == NULL ||
               ticket_keys_reload(listener->tickets, config->session_tickets.key_file, err);
    }
    listener->tickets = ticket_keys_new(config->session_tickets.key_file,
                                        (int64_t)config->session_tickets.rotate_ms / 1000,
                                        (int64_t)config->session_tickets.lifetime_ms / 1000, err);
    return listener->tickets != NULL;
}

static bool load_contexts(struct snapshot_listener *listener, unsigned workers,
                          const struct snapshot_listener *before, struct err *err)
{
    uint8_t inputs[TLS_DIGEST_BYTES];
    listener->tls = calloc(workers, sizeof(struct tls_context_set *));
    if (listener->tls == NULL) return err_set(err, "out of memory");
    if (!tls_digest_inputs(inputs, listener->config, listener->tickets, listener->trust, err))
        return false;
    for (unsigned i = 0; i < workers; i++) {
        bool same = before != NULL && memcmp(before->tls[i]->inputs, inputs, sizeof inputs) == 0;
        listener->tls[i] = same ? tls_context_set_ref(before->tls[i])
                                : tls_context_set_new(listener->config, listener->tickets,
                                                      listener->trust, err);
        if (listener->tls[i] == NULL) return false;
    }
    return true;
}

/* One that is outdated when it arrives is no successor of one that is in force. */
static bool load_trust(struct snapshot_listener *listener, const struct snapshot_listener *before,
                       struct err *err)
{
    time_t now = time(NULL);
    if (listener->config->tls.client_certificate == CONFIG_CLIENT_CERTIFICATE_NONE) return true;
    listener->trust = tls_trust_new(&listener->config->tls, err);
    if (listener->trust == NULL) return false;
    if (before != NULL && before->trust != NULL && tls_trust_is_current(before->trust, now) &&
        !tls_trust_is_current(listener->trust, now))
        return err_set(err, "a CRL of client_crl is outdated: get a new one from the CA");
    return true;
}

static bool load_listener(struct snapshot_listener *listener, const struct config_listener *config,
                          const struct snapshot *snapshot, const struct snapshot *previous,
                          struct err *err)
{
    unsigned workers = snapshot->workers;
    size_t found = previous == NULL ? SIZE_MAX : snapshot_find_listener(previous, config->name);
    const struct snapshot_listener *before = found == SIZE_MAX ? NULL : &previous->listeners[found];
    listener->config = config;
    if (!keep_counters(listener, before, workers) || !keep_sources(listener, before))
        return err_set(err, "out of memory");
    if (!load_tickets(listener, before, err) || !load_trust(listener, before, err) ||
        !load_contexts(listener, workers, before, err))
        return false;
    if (snapshot->config->admin.text == NULL) return true;
    listener->credentials = credentials_new(&config->tls, err);
    return listener->credentials != NULL;
}

static const struct pool *find_pool(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; snapshot != NULL && i < snapshot->config->backends_count; i++)
        if (strcmp(snapshot->config->backends[i].name, name) == 0) return &snapshot->pools[i];
    return NULL;
}

/* The client's socket and the broker's; to the included one there is a pair of them. */
static unsigned count_descriptors(const struct config *config)
{
    for (size_t i = 0; i < config->backends_count; i++)
        if (config->backends[i].builtin_broker) return 3;
    return 2;
}

static bool load(struct snapshot *snapshot, const struct builtin_broker *builtin,
                 const struct snapshot *previous, struct err *err)
{
    const struct config *config = snapshot->config;
    snapshot->listeners = calloc(config->listeners_count, sizeof *snapshot->listeners);
    snapshot->pools = calloc(config->backends_count, sizeof *snapshot->pools);
    if (snapshot->listeners == NULL || snapshot->pools == NULL ||
        !load_policies(snapshot, previous))
        return err_set(err, "out of memory");
    snapshot->passwords = passwords_new(config, err);
    if (snapshot->passwords == NULL) return false;
    for (size_t i = 0; i < config->backends_count; i++)
        if (!pool_init(&snapshot->pools[i], &config->backends[i], builtin,
                       find_pool(previous, config->backends[i].name)))
            return err_set(err, "out of memory");
    for (size_t i = 0; i < config->listeners_count; i++)
        if (!load_listener(&snapshot->listeners[i], &config->listeners[i], snapshot, previous, err))
            return err_prefix(err, "listener %s", config->listeners[i].name);
    return true;
}

struct snapshot *snapshot_new(struct config **config, unsigned workers,
                              const struct builtin_broker *builtin, const struct snapshot *previous,
                              struct err *err)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        err_set(err, "out of memory");
        config_free(*config);
        *config = NULL;
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    snapshot->config = *config;
    *config = NULL;
    snapshot->workers = workers;
    snapshot->descriptors = count_descriptors(snapshot->config);
    if (load(snapshot, builtin, previous, err)) return snapshot;
    free_snapshot(snapshot);
    return NULL;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    (void)atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL) return;
    if (atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) == 1)
        free_snapshot(snapshot);
}
