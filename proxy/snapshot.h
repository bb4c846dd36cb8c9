// SPDX-License-Identifier: GPL-3.0-or-later
/* A generation of everything that sessions are judged and served by: the configuration, the TLS
 * contexts of each worker, the backends. Immutable but for atomic counters; reference-counted, so
 * that a session keeps the generation that it began with. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/admission/notice.h"
#include "proxy/admission/sources.h"
#include "proxy/admission/token_bucket.h"
#include "proxy/backend/pool.h"
#include "proxy/counters.h"
#include "proxy/credentials.h"
#include "proxy/policy/passwords.h"
#include "proxy/policy/policy.h"
#include "proxy/tls/context.h"

/* Why nothing is accepted for a moment. */
enum listener_pause { PAUSE_RATE, PAUSE_HANDSHAKES, PAUSE_DESCRIPTORS, PAUSE_MEMORY, PAUSES_COUNT };

/* What goes on counting when a listener's settings change; shared by the generations. */
struct listener_counters {
    atomic_uint references;
    atomic_uint_fast64_t connections;
    atomic_uint_fast64_t places; /* of max_connections, that are taken */
    struct token_bucket handshakes;
    atomic_uint_fast64_t pauses[PAUSES_COUNT];
    struct notice crowded; /* connections that were too many even for being told */
    struct tally *tally;
};

struct snapshot_listener {
    const struct config_listener *config;
    struct tls_context_set **tls; /* one a worker */
    struct tls_trust *trust;      /* NULL: no client certificates */
    struct ticket_keys *tickets;  /* NULL: off */
    struct listener_counters *counters;
    struct sources *sources;         /* NULL: nothing is limited by source */
    struct credentials *credentials; /* NULL: nobody can ask for them */
};

struct snapshot {
    atomic_uint references;
    struct config *config;
    unsigned workers;
    unsigned descriptors;                  /* that one client takes at most */
    struct snapshot_listener *listeners;   /* as in the configuration */
    struct pool *pools;                    /* one a backend */
    struct policy **policies;              /* as in the configuration */
    struct policy_counters *rule_counters; /* likewise */
    struct passwords *passwords;
};

/* Gives a snapshot (snapshot_unref) and takes `*config` in any case; borrows `builtin`, which
 * outlives it. What `previous` (NULL: none) has and the new configuration leaves as it is, is taken
 * over from it: TLS contexts, ticket keys, counters, what is known of servers. NULL: the sentence
 * names what could not be loaded. */
struct snapshot *snapshot_new(struct config **config, unsigned workers,
                              const struct builtin_broker *builtin, const struct snapshot *previous,
                              struct err *err);
/* The index of the listener of that name, or SIZE_MAX. */
size_t snapshot_find_listener(const struct snapshot *snapshot, const char *name);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);
