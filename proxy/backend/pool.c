// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"

static struct server_state *known_before(const struct pool *before, const char *address)
{
    for (size_t i = 0; before != NULL && i < before->count; i++)
        if (strcmp(pool_server_name(before, (int)i), address) == 0)
            return server_state_ref(before->servers[i].state);
    return NULL;
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
    atomic_init(&pool->waiting, 0);
    atomic_init(&pool->homeless, 0);
    if (pool->servers == NULL) return false;
    for (size_t i = 0; i < config->servers_count; i++) {
        pool->servers[i].config = &config->servers[i];
        pool->servers[i].key = balance_server_key(config->servers[i].address.text);
    }
    for (size_t i = 0; i < pool->count; i++) {
        struct server_state *state = known_before(before, pool_server_name(pool, (int)i));
        pool->servers[i].state = state != NULL ? state : server_state_new();
        if (pool->servers[i].state == NULL) return false;
    }
    return true;
}

void pool_clear(struct pool *pool)
{
    for (size_t i = 0; pool->servers != NULL && i < pool->count; i++)
        server_state_unref(pool->servers[i].state);
    free(pool->servers);
    pool->servers = NULL;
}

const char *pool_server_name(const struct pool *pool, int server)
{
    if (server < 0) return "-";
    return pool->builtin != NULL ? "builtin" : pool->servers[server].config->address.text;
}

/* --------------------------------------------------------------------------------------- choosing
 */

static struct vitals_rule rule_of(const struct pool *pool)
{
    return (struct vitals_rule){.checked = pool->config->health.type != CONFIG_CHECK_OFF,
                                .fall = pool->config->health.fall,
                                .rise = pool->config->health.rise};
}

static unsigned most_of(const struct pool_server *server)
{
    return server->config == NULL ? 0 : server->config->max_connections;
}

static unsigned connections_of(const struct pool_server *server)
{
    return atomic_load_explicit(&server->state->connections, memory_order_relaxed);
}

static unsigned queue_for(const struct pool *pool, const struct pool_server *server)
{
    return atomic_load_explicit(&server->waiting, memory_order_relaxed) +
           atomic_load_explicit(&pool->homeless, memory_order_relaxed);
}

static bool has_room(const struct pool *pool, const struct pool_server *server, bool waits)
{
    if (most_of(server) == 0) return true;
    return connections_of(server) < most_of(server) && (waits || queue_for(pool, server) == 0);
}

/* False: others were faster. */
static bool take(const struct pool_server *server)
{
    unsigned before = atomic_fetch_add_explicit(&server->state->connections, 1,
                                                memory_order_relaxed);
    if (most_of(server) == 0 || before < most_of(server)) return true;
    (void)atomic_fetch_sub_explicit(&server->state->connections, 1, memory_order_relaxed);
    return false;
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
            .usable = usable && (home || has_room(pool, server, client->waits)),
        };
    }
    if (!any) return POOL_NONE;
    uint64_t turn = atomic_fetch_add_explicit(&pool->turn, 1, memory_order_relaxed);
    int chosen = balance_choose(pool->config->balance, servers, pool->count, turn, client->id);
    *awaited = home ? chosen : POOL_NONE;
    if (chosen == BALANCE_NONE) return POOL_FULL;
    return has_room(pool, &pool->servers[chosen], client->waits) ? chosen : POOL_FULL;
}

/* The same where there is no choice. */
static int choose_only(const struct pool *pool, const struct pool_client *client,
                       const struct vitals_rule *rule, uint64_t now_ms, int *awaited)
{
    const struct pool_server *server = &pool->servers[0];
    *awaited = POOL_NONE;
    if (client->tried[0] || !server_state_may_dial(server->state, rule, now_ms)) return POOL_NONE;
    return has_room(pool, server, client->waits) ? 0 : POOL_FULL;
}

int pool_choose(struct pool *pool, const struct pool_client *client, uint64_t now_ms, int *awaited)
{
    enum { MOST_RACES = 8 };
    struct vitals_rule rule = rule_of(pool);
    for (unsigned race = 0; race < MOST_RACES; race++) {
        int chosen = pool->count == 1 ? choose_only(pool, client, &rule, now_ms, awaited)
                                      : choose(pool, client, &rule, now_ms, awaited);
        if (chosen < 0) return chosen;
        const struct pool_server *server = &pool->servers[chosen];
        if (!take(server)) continue;
        if (server_state_take_dial(server->state, &rule, now_ms)) return chosen;
        pool_release(pool, chosen);
    }
    return POOL_FULL;
}

size_t pool_usable(const struct pool *pool, const bool *tried, uint64_t now_ms)
{
    struct vitals_rule rule = rule_of(pool);
    size_t count = 0;
    for (size_t i = 0; i < pool->count; i++)
        if (!tried[i] && server_state_may_dial(pool->servers[i].state, &rule, now_ms)) count++;
    return count;
}

void pool_release(const struct pool *pool, int server)
{
    (void)atomic_fetch_sub_explicit(&pool->servers[server].state->connections, 1,
                                    memory_order_relaxed);
}

void pool_move(const struct pool *to, int server, const struct pool *from, int before)
{
    (void)atomic_fetch_add_explicit(&to->servers[server].state->connections, 1,
                                    memory_order_relaxed);
    pool_release(from, before);
}

static atomic_uint *waiting_for(struct pool *pool, int awaited)
{
    return awaited == POOL_NONE ? &pool->homeless : &pool->servers[awaited].waiting;
}

bool pool_enqueue(struct pool *pool, int awaited)
{
    unsigned before = atomic_fetch_add_explicit(&pool->waiting, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(waiting_for(pool, awaited), 1, memory_order_relaxed);
    if (before < pool->config->queue.size) return true;
    pool_dequeue(pool, awaited);
    return false;
}

void pool_await(struct pool *pool, int before, int awaited)
{
    if (before == awaited) return;
    (void)atomic_fetch_add_explicit(waiting_for(pool, awaited), 1, memory_order_relaxed);
    (void)atomic_fetch_sub_explicit(waiting_for(pool, before), 1, memory_order_relaxed);
}

void pool_dequeue(struct pool *pool, int awaited)
{
    (void)atomic_fetch_sub_explicit(waiting_for(pool, awaited), 1, memory_order_relaxed);
    (void)atomic_fetch_sub_explicit(&pool->waiting, 1, memory_order_relaxed);
}

unsigned pool_waiting(const struct pool *pool)
{
    return atomic_load_explicit(&pool->waiting, memory_order_relaxed);
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

/* ----------------------------------------------------------------------------------------- health
 */

static void log_change(const struct pool *pool, int server, bool down)
{
    char words[SERVER_WORDS];
    struct log_line line;
    server_state_words(pool->servers[server].state, words);
    log_begin(&line, down ? LOG_ERROR : LOG_INFO, down ? "server down" : "server up");
    log_text(&line, "backend", pool->config->name);
    log_text(&line, "server", pool_server_name(pool, server));
    log_text(&line, "because", words);
    log_end(&line);
}

void pool_note_dial(const struct pool *pool, int server, const char *why, uint64_t now_ms)
{
    struct vitals_rule rule = rule_of(pool);
    if (server_state_dialled(pool->servers[server].state, &rule, why, now_ms))
        log_change(pool, server, why != NULL);
}

void pool_note_check(const struct pool *pool, int server, const char *why)
{
    struct vitals_rule rule = rule_of(pool);
    if (server_state_checked(pool->servers[server].state, &rule, why))
        log_change(pool, server, why != NULL);
}

/* ---------------------------------------------------------------------------------------- showing
 */

void pool_look(const struct pool *pool, size_t server, struct pool_view *out)
{
    const struct pool_server *from = &pool->servers[server];
    *out = (struct pool_view){
        .name = pool_server_name(pool, (int)server),
        .up = !atomic_load_explicit(&from->state->down, memory_order_relaxed),
        .checked = pool->builtin == NULL && rule_of(pool).checked,
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
