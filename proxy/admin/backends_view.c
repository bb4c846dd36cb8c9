// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/json_put.h"
#include "proxy/admin/views.h"

static const char *const balance_names[] = {
    [CONFIG_LEAST_CONNECTIONS] = "least_connections",
    [CONFIG_ROUND_ROBIN] = "round_robin",
    [CONFIG_CLIENT_ID] = "client_id",
};

static json_t *server_of(const struct pool *pool, size_t index)
{
    struct pool_view view;
    json_t *server = json_object();
    pool_look(pool, index, &view);
    json_put_text(server, "server", view.name);
    json_put_bool(server, "up", view.up);
    json_put_bool(server, "checked", view.checked);
    json_put_text(server, "why", view.words[0] == '\0' ? NULL : view.words);
    json_put_time(server, "since", (time_t)(view.since_ms / 1000));
    json_put_number(server, "connections", view.connections);
    json_put_number(server, "max_connections", view.max_connections);
    json_put_number(server, "weight", view.weight);
    return server;
}

static json_t *backend_of(const struct pool *pool)
{
    json_t *backend = json_object();
    json_t *servers = json_array();
    size_t up = 0;
    for (size_t i = 0; i < pool->count; i++) {
        struct pool_view view;
        pool_look(pool, i, &view);
        up += view.up;
        (void)json_array_append_new(servers, server_of(pool, i)); /* takes it in any case */
    }
    json_put_text(backend, "backend", pool->config->name);
    json_put_text(backend, "balance", balance_names[pool->config->balance]);
    json_put_bool(backend, "builtin_broker", pool->config->builtin_broker);
    json_put_number(backend, "servers_up", up);
    json_put_number(backend, "waiting", pool_waiting(pool));
    json_put(backend, "servers", servers);
    return backend;
}

char *backends_view(struct board *board, size_t *length)
{
    struct snapshot *snapshot = board_snapshot(board);
    json_t *backends = json_array();
    json_t *view = json_object();
    for (size_t i = 0; i < snapshot->config->backends_count; i++)
        (void)json_array_append_new(backends, backend_of(&snapshot->pools[i])); /* takes it */
    snapshot_unref(snapshot);
    json_put(view, "backends", backends);
    return json_finish(view, length);
}
