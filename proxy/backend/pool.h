// SPDX-License-Identifier: GPL-3.0-or-later
/* The servers of one backend and what is known of them now. Thread: any; counters are atomic. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "config/config.h"
#include "proxy/backend/balance.h"

/* The door to the included broker, from any thread. */
struct builtin_broker {
    /* Hands it a connected socket; it takes the descriptor. `identity`, borrowed, is the common
     * name of the client's verified certificate, or NULL. */
    bool (*adopt)(void *arg, int fd, const char *identity);
    /* The files that it has been given have been accepted again. */
    void (*reload)(void *arg);
    void *arg;
};

struct pool_server {
    const struct config_server *config;
    uint64_t key;
    atomic_uint connections;
};

struct pool {
    const struct config_backend *config;
    const struct builtin_broker *builtin; /* NULL but for a backend that is the included broker */
    struct pool_server *servers;          /* one without config for the included broker */
    size_t count;
    atomic_uint_fast64_t turn;
};

/* Borrows `config` and `builtin` until pool_clear. False: out of memory. */
MUST_USE bool pool_init(struct pool *pool, const struct config_backend *config,
                        const struct builtin_broker *builtin);
void pool_clear(struct pool *pool);
/* The server to dial for this client among those not yet `tried` (a flag for each), or
 * BALANCE_NONE. */
int pool_choose(struct pool *pool, struct span client_id, const bool *tried);
/* As logs show it: the address as written, or "builtin". */
const char *pool_server_name(const struct pool *pool, int server);
