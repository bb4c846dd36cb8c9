// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/resolver.h"

#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/address.h"
#include "proxy/backend/pool.h"

enum {
    TICK_MS = 100,
    SHORTEST_TTL_S = 1,
    UNKNOWN_TTL_S = 5, /* of /etc/hosts, and of who says 0 */
    LONGEST_TTL_S = 300,
    FIRST_RETRY_MS = 1000,
    LONGEST_RETRY_MS = 30000,
    QUERY_TIMEOUT_MS = 2000,
    QUERY_TRIES = 2,
    LISTED_BYTES = 1024
};

/* A server whose address is a name. */
struct name {
    struct name *next;
    struct resolver *resolver;
    struct server_state *state; /* whose it is, whatever generation names it */
    const char *backend;        /* the configuration's of the generation that is seen */
    const struct config_address *address;
    bool wanted;
    bool asking;
    uint64_t due_ms;
    uint64_t retry_ms;
    char told[LISTED_BYTES]; /* what the log said last: addresses, or why there are none */
};

/* A socket of the library's. */
struct watcher {
    struct watcher *next;
    uv_poll_t poll;
    ares_socket_t socket;
    struct resolver *resolver;
};

struct resolver {
    uv_timer_t tick;
    uv_loop_t *loop;
    const struct fleet *fleet;
    struct snapshot *seen; /* the generation whose names are known; a reference */
    ares_channel channel;
    struct watcher *watchers;
    struct name *names;
    bool stopped;
};

/* ----------------------------------------------------------------------------------------- sockets
 */

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct watcher, poll));
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    const struct watcher *watcher = CONTAINER_OF(poll, struct watcher, poll);
    bool failed = status < 0; /* reading will tell */
    ares_process_fd(watcher->resolver->channel,
                    failed || (events & UV_READABLE) ? watcher->socket : ARES_SOCKET_BAD,
                    events & UV_WRITABLE ? watcher->socket : ARES_SOCKET_BAD);
}

static struct watcher **find_watcher(struct resolver *resolver, ares_socket_t socket)
{
    struct watcher **link = &resolver->watchers;
    while (*link != NULL && (*link)->socket != socket)
        link = &(*link)->next;
    return link;
}

static struct watcher *add_watcher(struct resolver *resolver, ares_socket_t socket)
{
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (watcher == NULL) return NULL; /* the query times out */
    watcher->socket = socket;
    watcher->resolver = resolver;
    if (uv_poll_init(resolver->loop, &watcher->poll, socket) != 0) {
        free(watcher);
        return NULL;
    }
    watcher->next = resolver->watchers;
    resolver->watchers = watcher;
    return watcher;
}

/* The library says what it wants to know of a socket; of none: it closes it. */
static void on_socket(void *arg, ares_socket_t socket, int readable, int writable)
{
    struct resolver *resolver = arg;
    struct watcher **link = find_watcher(resolver, socket);
    struct watcher *watcher = *link;
    int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (events == 0 && watcher != NULL) {
        *link = watcher->next;
        uv_close((uv_handle_t *)&watcher->poll, on_closed);
    } else if (events != 0) {
        if (watcher == NULL) watcher = add_watcher(resolver, socket);
        if (watcher != NULL)
            (void)uv_poll_start(&watcher->poll, events, on_ready); /* fails on a closing one only */
    }
}

static bool open_channel(struct resolver *resolver, struct err *err)
{
    const struct config_strings *servers = &resolver->fleet->snapshot->config->resolver;
    struct ares_options options = {.timeout = QUERY_TIMEOUT_MS,
                                   .tries = QUERY_TRIES,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = resolver};
    char list[LISTED_BYTES] = "";
    size_t used = 0;
    int failed = ares_init_options(&resolver->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (failed != ARES_SUCCESS) {
        resolver->channel = NULL;
        return err_set(err, "names cannot be resolved: %s", ares_strerror(failed));
    }
    for (size_t i = 0; i < servers->count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ",",
                                 servers->items[i]);
    failed = servers->count == 0 ? ARES_SUCCESS
                                 : ares_set_servers_ports_csv(resolver->channel, list);
    return failed == ARES_SUCCESS || err_set(err, "resolver: %s: %s", list, ares_strerror(failed));
}

static void close_channel(struct resolver *resolver)
{
    if (resolver->channel != NULL) ares_destroy(resolver->channel); /* ends what is being asked */
    resolver->channel = NULL;
}

/* ----------------------------------------------------------------------------------------- answers
 */

static int by_bytes(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* The addresses as text, in an order that does not change with the server's. */
static void list_addresses(const struct server_addresses *addresses, char out[LISTED_BYTES])
{
    enum { SHOWN = 20 };
    char texts[SHOWN][INET6_ADDRSTRLEN];
    size_t count = addresses->count < SHOWN ? addresses->count : SHOWN;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (uv_ip_name((const struct sockaddr *)&addresses->items[i], texts[i], sizeof texts[i]) !=
            0)
            texts[i][0] = '\0';
    qsort(texts, count, sizeof texts[0], by_bytes);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(out + used, LISTED_BYTES - used, "%s%s", i == 0 ? "" : ", ",
                                 texts[i]);
    if (count < addresses->count) (void)snprintf(out + used, LISTED_BYTES - used, ", ...");
}

static struct server_addresses *copy_addresses(const struct ares_addrinfo *answer, int *ttl_s)
{
    size_t count = 0;
    *ttl_s = LONGEST_TTL_S;
    for (const struct ares_addrinfo_node *node = answer->nodes; node != NULL; node = node->ai_next)
        count++;
    for (const struct ares_addrinfo_cname *name = answer->cnames; name != NULL; name = name->next)
        if (name->ttl < *ttl_s) *ttl_s = name->ttl;
    struct server_addresses *addresses = count == 0 ? NULL : server_addresses_new(count);
    count = 0;
    for (const struct ares_addrinfo_node *node = answer->nodes; addresses != NULL && node != NULL;
         node = node->ai_next) {
        if (node->ai_ttl < *ttl_s) *ttl_s = node->ai_ttl;
        memcpy(&addresses->items[count++], node->ai_addr, node->ai_addrlen);
    }
    if (*ttl_s < SHORTEST_TTL_S) *ttl_s = UNKNOWN_TTL_S;
    return addresses;
}

/* Once, and again when it is another one. */
static void tell(struct name *name, enum log_level level, const char *message, const char *field,
                 const char *text)
{
    struct log_line line;
    if (strcmp(name->told, text) == 0) return;
    (void)snprintf(name->told, sizeof name->told, "%s", text);
    log_begin(&line, level, message);
    log_text(&line, "backend", name->backend);
    log_text(&line, "server", name->address->text);
    log_text(&line, field, text);
    log_end(&line);
}

static void keep(struct name *name, struct server_addresses *addresses, int ttl_s, uint64_t now_ms)
{
    char listed[LISTED_BYTES];
    list_addresses(addresses, listed);
    server_state_resolve(name->state, addresses, NULL);
    name->due_ms = now_ms + (uint64_t)ttl_s * 1000;
    name->retry_ms = FIRST_RETRY_MS;
    tell(name, LOG_INFO, "name resolved", "addresses", listed);
}

static void try_later(struct name *name, const char *why, uint64_t now_ms)
{
    char words[SERVER_WORDS];
    (void)snprintf(words, sizeof words, "its name is not resolved: %s", why);
    server_state_resolve(name->state, NULL, words);
    name->due_ms = now_ms + name->retry_ms;
    name->retry_ms = name->retry_ms * 2 > LONGEST_RETRY_MS ? LONGEST_RETRY_MS : name->retry_ms * 2;
    struct server_addresses *last = server_state_addresses(name->state, words);
    tell(name, LOG_WARN,
         last != NULL ? "name not resolved, the last addresses stay" : "name not resolved", "error",
         why);
    server_addresses_unref(last);
}

static void free_name(struct name *name)
{
    server_state_unref(name->state);
    free(name);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *answer)
{
    struct name *name = arg;
    int ttl_s = 0;
    uint64_t now_ms = clock_monotonic_ms();
    (void)timeouts;
    name->asking = false;
    struct server_addresses *addresses = status == ARES_SUCCESS ? copy_addresses(answer, &ttl_s)
                                                                : NULL;
    if (answer != NULL) ares_freeaddrinfo(answer);
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
        name->due_ms = now_ms; /* again, by another channel */
    else if (addresses != NULL)
        keep(name, addresses, ttl_s, now_ms);
    else
        try_later(name, status == ARES_SUCCESS ? "it has no address" : ares_strerror(status),
                  now_ms);
}

static void ask(struct name *name)
{
    char port[8];
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    (void)snprintf(port, sizeof port, "%u", name->address->port);
    name->asking = true;
    ares_getaddrinfo(name->resolver->channel, name->address->host, port, &hints, on_answer, name);
}

/* ------------------------------------------------------------------------------------------- names
 */

static struct name *find_name(const struct resolver *resolver, const struct server_state *state)
{
    for (struct name *name = resolver->names; name != NULL; name = name->next)
        if (name->state == state) return name;
    return NULL;
}

static void want(struct resolver *resolver, const struct pool *pool, size_t server)
{
    const struct pool_server *wanted = &pool->servers[server];
    struct name *name = find_name(resolver, wanted->state);
    if (name == NULL) {
        name = calloc(1, sizeof *name);
        if (name == NULL) return; /* its clients are told that it is not resolved */
        name->resolver = resolver;
        name->state = server_state_ref(wanted->state);
        name->retry_ms = FIRST_RETRY_MS;
        name->next = resolver->names;
        resolver->names = name;
    }
    name->backend = pool->config->name;
    name->address = &wanted->config->address;
    name->wanted = true;
}

static bool is_name(const struct config_address *address)
{
    return address->unix_path == NULL && !address_is_ip(address->host);
}

static void drop_unwanted(struct resolver *resolver)
{
    struct name **link = &resolver->names;
    while (*link != NULL) {
        struct name *name = *link;
        if (name->wanted) {
            link = &name->next;
            continue;
        }
        *link = name->next;
        free_name(name);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct resolver *resolver = CONTAINER_OF(timer, struct resolver, tick);
    uint64_t now_ms = clock_monotonic_ms();
    if (resolver->stopped || resolver->channel == NULL) return;
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what timed out */
    for (struct name *name = resolver->names; name != NULL; name = name->next)
        if (!name->asking && now_ms >= name->due_ms) ask(name);
}

/* Also the system's settings are read again. */
void resolver_look(struct resolver *resolver)
{
    struct err err;
    close_channel(resolver);
    if (!open_channel(resolver, &err)) log_event(LOG_ERROR, "resolver not set up", err.text);
    snapshot_unref(resolver->seen);
    resolver->seen = snapshot_ref(resolver->fleet->snapshot);
    for (struct name *name = resolver->names; name != NULL; name = name->next)
        name->wanted = false;
    for (size_t i = 0; i < resolver->seen->config->backends_count; i++) {
        const struct pool *pool = &resolver->seen->pools[i];
        for (size_t server = 0; pool->builtin == NULL && server < pool->count; server++)
            if (is_name(&pool->servers[server].config->address)) want(resolver, pool, server);
    }
    drop_unwanted(resolver);
    if (resolver->names == NULL)
        (void)uv_timer_stop(&resolver->tick); /* these always 0 */
    else
        (void)uv_timer_start(&resolver->tick, on_tick, 0, TICK_MS);
}

struct resolver *resolver_start(uv_loop_t *loop, const struct fleet *fleet, struct err *err)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    int failed = ares_library_init(ARES_LIB_INIT_ALL);
    if (resolver == NULL || failed != ARES_SUCCESS) {
        free(resolver);
        err_set(err, "names cannot be resolved: %s",
                resolver == NULL ? "out of memory" : ares_strerror(failed));
        return NULL;
    }
    resolver->loop = loop;
    resolver->fleet = fleet;
    (void)uv_timer_init(loop, &resolver->tick); /* always 0 */
    resolver_look(resolver);
    return resolver;
}

void resolver_stop(struct resolver *resolver)
{
    if (resolver == NULL || resolver->stopped) return;
    resolver->stopped = true;
    close_channel(resolver);
    for (struct name *name = resolver->names; name != NULL; name = name->next)
        name->wanted = false;
    drop_unwanted(resolver);
    snapshot_unref(resolver->seen);
    resolver->seen = NULL;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL) return;
    resolver_stop(resolver);
    ares_library_cleanup();
    free(resolver);
}
