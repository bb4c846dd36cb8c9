// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/pool.h"

#include <stdlib.h>

bool pool_init(struct pool *pool, const struct config_backend *config,
               const struct builtin_broker *builtin)
{
    pool->config = config;
    pool->builtin = config->builtin_broker ? builtin : NULL;
    pool->count = config->builtin_broker ? 1 : config->servers_count;
    pool->servers = calloc(pool->count, sizeof *pool->servers);
    atomic_init(&pool->turn, 0);
    if (pool->servers == NULL) return false;
    for (size_t i = 0; i < config->servers_count; i++) {
        pool->servers[i].config = &config->servers[i];
        pool->servers[i].key = balance_server_key(config->servers[i].address.text);
    }
    return true;
}

void pool_clear(struct pool *pool)
{
    free(pool->servers);
    pool->servers = NULL;
}

int pool_choose(struct pool *pool, struct span client_id, const bool *tried)
{
    struct balance_server servers[BALANCE_MOST_SERVERS];
    if (pool->count == 1) return tried[0] ? BALANCE_NONE : 0;
    for (size_t i = 0; i < pool->count; i++)
        servers[i] = (struct balance_server){
            .key = pool->servers[i].key,
            .weight = pool->servers[i].config->weight,
            .connections = atomic_load_explicit(&pool->servers[i].connections,
                                                memory_order_relaxed),
            .usable = !tried[i],
        };
    uint64_t turn = atomic_fetch_add_explicit(&pool->turn, 1, memory_order_relaxed);
    return balance_choose(pool->config->balance, servers, pool->count, turn, client_id);
}

const char *pool_server_name(const struct pool *pool, int server)
{
    if (server < 0) return "-";
    return pool->builtin != NULL ? "builtin" : pool->servers[server].config->address.text;
}
