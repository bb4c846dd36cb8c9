// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"

static struct server_state *known_before(const struct pool *before, const char *address)
{
    for (size_t i = 0; before != NULL && i < before->count; i++)
        if (strcmp(pool_server_name(before, (int)i), address) == 0)
            return server_state_ref(before->servers[i].state);
    return NULL;
}

static struct pool_queue *queue_of(const struct pool *before)
{
    if (before != NULL) {
        (void)atomic_fetch_add_explicit(&before->queue->references, 1, memory_order_relaxed);
        return before->queue;
    }
    struct pool_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) return NULL;
    atomic_init(&queue->references, 1);
    (void)pthread_mutex_init(&queue->lock, NULL); /* cannot fail for a plain mutex */
    return queue;
}

static void unref_queue(struct pool_queue *queue)
{
    if (queue == NULL) return;
    if (atomic_fetch_sub_explicit(&queue->references, 1, memory_order_acq_rel) != 1) return;
    (void)pthread_mutex_destroy(&queue->lock); /* nobody holds it any more */
    free(queue);
}

bool pool_init(struct pool *pool, const struct config_backend *config,
               const struct builtin_broker *builtin, const struct pool *before)
{
    pool->config = config;
    pool->builtin = config->builtin_broker ? builtin : NULL;
    pool->count = config->builtin_broker ? 1 : config->servers_count;
    pool->servers = calloc(pool->count, sizeof *pool->servers);
    atomic_init(&pool->turn, 0);
    atomic_init(&pool->address_turn, 0);
    atomic_init(&pool->described_ms, 0);
    pool->queue = queue_of(before);
    if (pool->servers == NULL || pool->queue == NULL) return false;
    for (size_t i = 0; i < config->servers_count; i++) {
        pool->servers[i].config = &config->servers[i];
        pool->servers[i].key = balance_server_key(config->servers[i].address.text);
    }
    for (size_t i = 0; i < pool->count; i++) {
        struct server_state *state = known_before(before, pool_server_name(pool, (int)i));
        pool->servers[i].state = state != NULL ? state : server_state_new(pool_limit(pool, i));
        if (pool->servers[i].state == NULL) return false;
    }
    return true;
}

void pool_clear(struct pool *pool)
{
    for (size_t i = 0; pool->servers != NULL && i < pool->count; i++)
        server_state_unref(pool->servers[i].state);
    free(pool->servers);
    unref_queue(pool->queue);
    pool->servers = NULL;
    pool->queue = NULL;
}

const char *pool_server_name(const struct pool *pool, int server)
{
    if (server < 0) return "-";
    return pool->builtin != NULL ? "builtin" : pool->servers[server].config->address.text;
}

/* --------------------------------------------------------------------------------------- choosing
 */

struct vitals_rule pool_rule(const struct pool *pool)
{
    return (struct vitals_rule){.checked = pool->config->health.type != CONFIG_CHECK_OFF,
                                .fall = pool->config->health.fall,
                                .rise = pool->config->health.rise};
}

unsigned pool_limit(const struct pool *pool, size_t server)
{
    const struct config_server *config = pool->servers[server].config;
    return config == NULL ? 0 : config->max_connections;
}

static unsigned most_of(const struct pool_server *server)
{
    return atomic_load_explicit(&server->state->most, memory_order_relaxed);
}

static unsigned connections_of(const struct pool_server *server)
{
    return atomic_load_explicit(&server->state->connections, memory_order_relaxed);
}

static unsigned queue_for(const struct pool *pool, const struct pool_server *server)
{
    return atomic_load_explicit(&server->state->waiting, memory_order_relaxed) +
           atomic_load_explicit(&pool->queue->homeless, memory_order_relaxed);
}

static bool has_room(const struct pool *pool, const struct pool_server *server)
{
    if (most_of(server) == 0) return true;
    return connections_of(server) < most_of(server) && queue_for(pool, server) == 0;
}

/* A client whose id has a home waits for that; the others go where there is room. */
static int choose(struct pool *pool, const struct pool_client *client,
                  const struct vitals_rule *rule, uint64_t now_ms, int *awaited)
{
    struct balance_server servers[BALANCE_MOST_SERVERS];
    bool any = false;
    bool home = pool->config->balance == CONFIG_CLIENT_ID && client->id.length > 0;
    for (size_t i = 0; i < pool->count; i++) {
        const struct pool_server *server = &pool->servers[i];
        bool usable = !client->tried[i] && server_state_may_dial(server->state, rule, now_ms);
        any = any || usable;
        servers[i] = (struct balance_server){
            .key = server->key,
            .weight = server->config->weight,
            .connections = connections_of(server),
            .usable = usable && (home || has_room(pool, server)),
        };
    }
    if (!any) return POOL_NONE;
    uint64_t turn = atomic_fetch_add_explicit(&pool->turn, 1, memory_order_relaxed);
    int chosen = balance_choose(pool->config->balance, servers, pool->count, turn, client->id);
    *awaited = home ? chosen : POOL_NONE;
    if (chosen == BALANCE_NONE) return POOL_FULL;
    return has_room(pool, &pool->servers[chosen]) ? chosen : POOL_FULL;
}

/* The same where there is no choice. */
static int choose_only(const struct pool *pool, const struct pool_client *client,
                       const struct vitals_rule *rule, uint64_t now_ms, int *awaited)
{
    const struct pool_server *server = &pool->servers[0];
    *awaited = POOL_NONE;
    if (client->tried[0] || !server_state_may_dial(server->state, rule, now_ms)) return POOL_NONE;
    return has_room(pool, server) ? 0 : POOL_FULL;
}

int pool_choose(struct pool *pool, const struct pool_client *client, uint64_t now_ms, int *awaited)
{
    struct vitals_rule rule = pool_rule(pool);
    return pool->count == 1 ? choose_only(pool, client, &rule, now_ms, awaited)
                            : choose(pool, client, &rule, now_ms, awaited);
}

size_t pool_usable(const struct pool *pool, const bool *tried, uint64_t now_ms)
{
    struct vitals_rule rule = pool_rule(pool);
    size_t count = 0;
    for (size_t i = 0; i < pool->count; i++)
        if (!tried[i] && server_state_may_dial(pool->servers[i].state, &rule, now_ms)) count++;
    return count;
}

unsigned pool_waiting(const struct pool *pool)
{
    return atomic_load_explicit(&pool->queue->waiting, memory_order_relaxed);
}

/* -------------------------------------------------------------------------------------- addresses
 */

uint64_t pool_next_source(struct pool *pool)
{
    return atomic_fetch_add_explicit(&pool->address_turn, 1, memory_order_relaxed);
}

size_t pool_first_address(struct pool *pool, const struct server_addresses *addresses,
                          struct span client_id)
{
    struct balance_server items[BALANCE_MOST_SERVERS];
    char text[INET6_ADDRSTRLEN];
    size_t count = addresses->count < BALANCE_MOST_SERVERS ? addresses->count
                                                           : BALANCE_MOST_SERVERS;
    bool home = pool->config->balance == CONFIG_CLIENT_ID && client_id.length > 0;
    if (count == 1) return 0;
    if (!home) return (size_t)(pool_next_source(pool) % count);
    for (size_t i = 0; i < count; i++) {
        const struct sockaddr *address = (const struct sockaddr *)&addresses->items[i];
        CHECK(uv_ip_name(address, text, sizeof text) == 0);
        items[i] = (struct balance_server){
            .key = balance_server_key(text), .weight = 1, .usable = true};
    }
    return (size_t)balance_choose(CONFIG_CLIENT_ID, items, count, 0, client_id);
}

/* ---------------------------------------------------------------------------------------- showing
 */

void pool_look(const struct pool *pool, size_t server, struct pool_view *out)
{
    const struct pool_server *from = &pool->servers[server];
    *out = (struct pool_view){
        .name = pool_server_name(pool, (int)server),
        .up = !atomic_load_explicit(&from->state->down, memory_order_relaxed),
        .checked = pool->builtin == NULL && pool_rule(pool).checked,
        .since_ms = server_state_since_ms(from->state),
        .connections = connections_of(from),
        .max_connections = most_of(from),
        .weight = from->config == NULL ? 1 : from->config->weight,
    };
    server_state_words(from->state, out->words);
}

bool pool_is_alive(const struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (!atomic_load_explicit(&pool->servers[i].state->down, memory_order_relaxed)) return true;
    return false;
}

bool pool_may_describe(struct pool *pool, uint64_t now_ms)
{
    enum { INTERVAL_MS = 10000 };
    uint_fast64_t before = atomic_load_explicit(&pool->described_ms, memory_order_relaxed);
    if (before != 0 && now_ms < before + INTERVAL_MS) return false;
    return atomic_compare_exchange_strong(&pool->described_ms, &before, now_ms);
}

void pool_describe(const struct pool *pool, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < pool->count && used < room; i++) {
        struct pool_view view;
        pool_look(pool, i, &view);
        const char *between = i == 0 ? "" : "; ";
        const char *words = view.words[0] == '\0' ? "it answers, as far as is known" : view.words;
        int64_t down_s = view.up ? 0 : (clock_wall_ms() - view.since_ms) / 1000;
        int length = view.up
                         ? snprintf(out + used, room - used, "%s%s: %s", between, view.name, words)
                         : snprintf(out + used, room - used, "%s%s is down for %lld s: %s", between,
                                    view.name, (long long)down_s, words);
        used += length > 0 ? (size_t)length : 0;
    }
}
