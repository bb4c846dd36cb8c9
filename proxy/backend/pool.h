// SPDX-License-Identifier: GPL-3.0-or-later
/* The servers of one backend and what is known of them now. Thread: any. What is known outlives a
 * reload for the servers that stay. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "config/config.h"
#include "proxy/backend/balance.h"
#include "proxy/backend/line.h"
#include "proxy/backend/server_state.h"

/* The door to the included broker, from any thread. */
struct builtin_broker {
    /* Hands it a connected socket; it takes the descriptor. `identity`, borrowed, is the common
     * name of the client's verified certificate, or NULL. */
    bool (*adopt)(void *arg, int fd, const char *identity);
    /* The files that it has been given have been accepted again. */
    void (*reload)(void *arg);
    /* Starts its thread, which is to have no more rights than we have then. False: out of threads.
     */
    bool (*begin)(void *arg);
    void *arg;
};

struct pool_server {
    const struct config_server *config;
    uint64_t key;
    struct server_state *state;
};

/* The clients of a backend that wait for room on a server; shared by all generations. */
struct pool_queue {
    atomic_uint references;
    atomic_uint waiting;
    atomic_uint homeless; /* those of them who wait for room on any server */
    pthread_mutex_t lock; /* around what follows, and the lines of the servers */
    uint64_t arrivals;
    struct line homeless_line;
};

struct pool {
    const struct config_backend *config;
    const struct builtin_broker *builtin; /* NULL but for a backend that is the included broker */
    struct pool_server *servers;          /* one without config for the included broker */
    size_t count;
    atomic_uint_fast64_t turn;
    atomic_uint_fast64_t address_turn; /* of names' and of source addresses */
    atomic_uint_fast64_t described_ms; /* pool_may_describe; 0: never */
    struct pool_queue *queue;
};

/* Borrows `config` and `builtin` until pool_clear; `before` (NULL: none) is the same backend in the
 * generation before, whose servers stay what they are, as its queue does. False: out of memory. */
MUST_USE bool pool_init(struct pool *pool, const struct config_backend *config,
                        const struct builtin_broker *builtin, const struct pool *before);
void pool_clear(struct pool *pool);
/* As logs show it: the address as written, or "builtin". */
const char *pool_server_name(const struct pool *pool, int server);

enum { POOL_NONE = BALANCE_NONE, POOL_FULL = -2 };

/* For whom a server is chosen. */
struct pool_client {
    struct span id;
    const bool *tried; /* a flag for each server */
};

/* The server to dial for this client among those that are up and not yet tried, of which it has no
 * slot yet. POOL_NONE: none is up. POOL_FULL: there is one, but it has its max_connections, or
 * others wait for it. `*awaited` (but with POOL_NONE) is whom it would wait for: its home, or
 * POOL_NONE if it has none and takes any. */
int pool_choose(struct pool *pool, const struct pool_client *client, uint64_t now_ms, int *awaited);
/* How many servers besides those tried could be chosen. */
size_t pool_usable(const struct pool *pool, const bool *tried, uint64_t now_ms);
/* By what it is up or down. */
struct vitals_rule pool_rule(const struct pool *pool);
/* max_connections of a server as this generation has it. */
unsigned pool_limit(const struct pool *pool, size_t server);
unsigned pool_waiting(const struct pool *pool);

/* Counts up, for source_socket. */
uint64_t pool_next_source(struct pool *pool);
/* Which of a name's addresses comes first: with client_id always the same one for a client, else
 * the next one. */
size_t pool_first_address(struct pool *pool, const struct server_addresses *addresses,
                          struct span client_id);

/* What is known of a server now, for whoever shows it. */
struct pool_view {
    const char *name; /* lent by the configuration */
    bool up;
    bool checked;             /* there are health checks */
    int64_t since_ms;         /* wall clock, of the last change; 0: none since the start */
    char words[SERVER_WORDS]; /* why it is up or down, or what it did last; "": nothing to say */
    unsigned connections;
    unsigned max_connections; /* 0: any number */
    unsigned weight;
};

void pool_look(const struct pool *pool, size_t server, struct pool_view *out);
/* Whether a client could be served: some server is up. */
bool pool_is_alive(const struct pool *pool);
/* A sentence that names each server and what it did; cut to fit. */
void pool_describe(const struct pool *pool, char *out, size_t room);
/* Whether it is time to log that: for one client every ten seconds, of all workers. */
bool pool_may_describe(struct pool *pool, uint64_t now_ms);
