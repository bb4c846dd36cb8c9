// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/snapshot.h"

#include <stdlib.h>

static void free_listener(struct snapshot_listener *listener, unsigned workers)
{
    for (unsigned i = 0; listener->tls != NULL && i < workers; i++)
        tls_context_set_free(listener->tls[i]);
    free(listener->tls);
    ticket_keys_free(listener->tickets);
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
    free(snapshot->policies);
    passwords_free(snapshot->passwords);
    free(snapshot->listeners);
    free(snapshot->pools);
    config_free(config);
    free(snapshot);
}

static bool load_listener(struct snapshot_listener *listener, const struct config_listener *config,
                          unsigned workers, struct err *err)
{
    listener->config = config;
    atomic_init(&listener->connections, 0);
    if (config->tls.session_tickets.enabled) {
        listener->tickets = ticket_keys_new(config->tls.session_tickets.key_file,
                                            (int64_t)config->tls.session_tickets.rotate_ms / 1000,
                                            (int64_t)config->tls.session_tickets.lifetime_ms / 1000,
                                            err);
        if (listener->tickets == NULL) return false;
    }
    listener->tls = calloc(workers, sizeof(struct tls_context_set *));
    if (listener->tls == NULL) return err_set(err, "out of memory");
    for (unsigned i = 0; i < workers; i++) {
        listener->tls[i] = tls_context_set_new(config, listener->tickets, err);
        if (listener->tls[i] == NULL) return false;
    }
    return true;
}

static bool load(struct snapshot *snapshot, const struct builtin_broker *builtin, struct err *err)
{
    const struct config *config = snapshot->config;
    snapshot->listeners = calloc(config->listeners_count, sizeof *snapshot->listeners);
    snapshot->pools = calloc(config->backends_count, sizeof *snapshot->pools);
    snapshot->policies = calloc(config->policies_count + 1, sizeof(struct policy *));
    if (snapshot->listeners == NULL || snapshot->pools == NULL || snapshot->policies == NULL)
        return err_set(err, "out of memory");
    for (size_t i = 0; i < config->policies_count; i++)
        if ((snapshot->policies[i] = policy_new(&config->policies[i])) == NULL)
            return err_set(err, "out of memory");
    snapshot->passwords = passwords_new(config, err);
    if (snapshot->passwords == NULL) return false;
    for (size_t i = 0; i < config->backends_count; i++)
        if (!pool_init(&snapshot->pools[i], &config->backends[i], builtin))
            return err_set(err, "out of memory");
    for (size_t i = 0; i < config->listeners_count; i++)
        if (!load_listener(&snapshot->listeners[i], &config->listeners[i], snapshot->workers, err))
            return err_prefix(err, "listener %s", config->listeners[i].name);
    return true;
}

struct snapshot *snapshot_new(struct config **config, unsigned workers,
                              const struct builtin_broker *builtin, struct err *err)
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
    if (load(snapshot, builtin, err)) return snapshot;
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
