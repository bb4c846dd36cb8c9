// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/attempt.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/backend/source.h"

enum { LOOK_AGAIN_MS = 1 /* at the next tick of the wheel */ };

/* A connection to one address. It outlives its attempt when that ends while libuv still holds the
 * request, and is freed by the request's callback then. */
struct connecting {
    struct attempt *attempt; /* NULL: cancelled */
    struct endpoint *endpoint;
    struct server_addresses *found; /* what a name stands for; NULL: it is no name */
    size_t next;                    /* of those, not tried yet */
    size_t left;
    struct sockaddr_storage address; /* that is being dialled */
    size_t sources;                  /* of ours that it has not been dialled from yet */
    uv_connect_t request;
};

static void look_again(struct attempt *attempt);
static void connect_from_next(struct attempt *attempt, struct connecting *connecting);
static void try_address(struct attempt *attempt, struct connecting *connecting);

static uint64_t now_of(const struct attempt *attempt)
{
    return attempt->request.loop->deadlines.now_ms;
}

static const struct pool_server *server_of(const struct attempt *attempt)
{
    return &attempt->request.pool->servers[attempt->request.server];
}

/* ----------------------------------------------------------------------------------------- ending
 */

static void free_connecting(struct connecting *connecting)
{
    server_addresses_unref(connecting->found);
    free(connecting);
}

/* While it is being dialled nothing is read from an endpoint, so that none of its events can come.
 */
static void drop_connecting(struct attempt *attempt)
{
    struct connecting *connecting = attempt->connecting;
    attempt->connecting = NULL;
    if (connecting == NULL) return;
    connecting->attempt = NULL;
    endpoint_close(&connecting->endpoint); /* the connect callback frees it */
}

void attempt_cancel(struct attempt *attempt)
{
    drop_connecting(attempt);
    timer_clear(&attempt->deadline);
    timer_clear(&attempt->again);
}

static void succeed(struct attempt *attempt, struct endpoint *endpoint)
{
    attempt_cancel(attempt);
    attempt->request.events->on_reached(attempt->request.owner, endpoint);
}

static void fail(struct attempt *attempt, enum attempt_failure failure, const char *why)
{
    attempt_cancel(attempt);
    attempt->request.events->on_failed(attempt->request.owner, failure, why);
}

/* --------------------------------------------------------------------------------------- deadline
 */

/* The connection to the next address of the same name: libuv still holds the request of this one.
 */
static bool go_on_with_name(struct attempt *attempt)
{
    struct connecting *slow = attempt->connecting;
    struct connecting *connecting = slow->left == 0 ? NULL : calloc(1, sizeof *connecting);
    if (connecting == NULL) return false;
    *connecting = (struct connecting){
        .attempt = attempt, .found = slow->found, .next = slow->next, .left = slow->left};
    slow->found = NULL;
    drop_connecting(attempt);
    attempt->connecting = connecting;
    return true;
}

static const char *why_too_late(const struct attempt *attempt)
{
    if (attempt->full) return "its queue of connections stayed full for connect_timeout";
    return attempt->connecting == NULL ? "its name was not resolved within connect_timeout"
                                       : "no answer within connect_timeout";
}

static void set_deadline(struct attempt *attempt);

static void on_deadline(struct timer *timer)
{
    struct attempt *attempt = CONTAINER_OF(timer, struct attempt, deadline);
    bool time_left = now_of(attempt) < attempt->request.ends_ms;
    if (time_left && attempt->connecting != NULL && go_on_with_name(attempt)) {
        set_deadline(attempt);
        try_address(attempt, attempt->connecting);
        return;
    }
    fail(attempt, time_left ? ATTEMPT_UNREACHABLE : ATTEMPT_TOO_LATE, why_too_late(attempt));
}

/* Whoever does not answer gets half of the time while there is another one to try. */
static void set_deadline(struct attempt *attempt)
{
    const struct attempt_request *request = &attempt->request;
    uint64_t now_ms = now_of(attempt);
    uint64_t left_ms = request->ends_ms > now_ms ? request->ends_ms - now_ms : 0;
    bool others = (attempt->connecting != NULL && attempt->connecting->left > 1) ||
                  (request->pool->count > 1 &&
                   pool_usable(request->pool, request->tried, now_ms) > 0);
    timer_set(&request->loop->deadlines, &attempt->deadline, others ? left_ms / 2 : left_ms,
              on_deadline);
}

/* ------------------------------------------------------------------------------------- connecting
 */

static const char *words_of(int error)
{
    if (error == UV_EADDRNOTAVAIL)
        return "no local port is left to dial it from (source_addresses adds some), or a source "
               "address is not this machine's";
    if (error == UV_EAFNOSUPPORT) return "no source address is of its family";
    return uv_strerror(error);
}

/* A broker behind a unix socket has not accepted enough yet: with TCP the kernel would wait. */
static bool is_full(const struct attempt *attempt, int status)
{
    return status == UV_EAGAIN && server_of(attempt)->config->address.unix_path != NULL;
}

/* From our next address, if this one has no port left; to the name's next one, if there is one;
 * then the server is given up. */
static void fail_address(struct attempt *attempt, struct connecting *connecting, int status)
{
    endpoint_close(&connecting->endpoint);
    if (status == UV_EADDRNOTAVAIL && connecting->sources > 0) {
        connect_from_next(attempt, connecting);
        return;
    }
    if (connecting->left > 0) {
        try_address(attempt, connecting);
        return;
    }
    attempt->connecting = NULL;
    free_connecting(connecting);
    attempt->full = is_full(attempt, status);
    if (attempt->full)
        look_again(attempt);
    else
        fail(attempt, source_is_to_blame(status) ? ATTEMPT_IMPOSSIBLE : ATTEMPT_UNREACHABLE,
             words_of(status));
}

static void on_connected(uv_connect_t *request, int status)
{
    struct connecting *connecting = CONTAINER_OF(request, struct connecting, request);
    struct attempt *attempt = connecting->attempt;
    struct endpoint *endpoint = connecting->endpoint;
    if (attempt == NULL) {
        free_connecting(connecting);
    } else if (status != 0) {
        fail_address(attempt, connecting, status);
    } else {
        int fd = -1;
        attempt->connecting = NULL;
        free_connecting(connecting);
        if (endpoint->uv.handle.type == UV_TCP && uv_fileno(&endpoint->uv.handle, &fd) == 0)
            endpoint_tune_socket(fd, false);
        succeed(attempt, endpoint);
    }
}

static struct endpoint *make_endpoint(struct attempt *attempt, bool is_unix)
{
    return endpoint_new(&attempt->request.loop->uv, is_unix, attempt->request.endpoint_events,
                        attempt->request.endpoint_owner);
}

/* Without source addresses libuv makes the socket. */
static int bind_source(struct pool *pool, uv_tcp_t *tcp, const struct sockaddr *address)
{
    if (pool->config->source_addresses.count == 0) return 0;
    int fd = source_socket(pool->config, pool_next_source(pool), address);
    if (fd < 0) return fd;
    int failed = uv_tcp_open(tcp, fd);
    if (failed != 0) (void)close(fd); /* nothing was sent on it */
    return failed;
}

/* The attempt is over if this is true. */
static bool succeed_at_once(struct attempt *attempt, const struct sockaddr *address,
                            socklen_t length)
{
    bool is_unix = address->sa_family == AF_UNIX;
    struct pool *pool = attempt->request.pool;
    int fd = source_connect_at_once(pool->config, pool_next_source(pool), address, length);
    if (fd < 0) return false;
    if (!is_unix) endpoint_tune_socket(fd, true);
    struct endpoint *endpoint = make_endpoint(attempt, is_unix);
    if (endpoint == NULL || !endpoint_open(endpoint, fd)) {
        endpoint_close(&endpoint);
        (void)close(fd); /* nothing was sent on it */
        return false;
    }
    struct connecting *connecting = attempt->connecting;
    attempt->connecting = NULL;
    free_connecting(connecting);
    succeed(attempt, endpoint);
    return true;
}

/* ------------------------------------------------------------------------------------------- TCP
 */

static socklen_t length_of(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static void connect_from_next(struct attempt *attempt, struct connecting *connecting)
{
    const struct sockaddr *address = (const struct sockaddr *)&connecting->address;
    socklen_t length = length_of(address);
    if (connecting->sources > 0) connecting->sources--;
    if (source_is_loopback(address) && succeed_at_once(attempt, address, length)) return;
    connecting->endpoint = make_endpoint(attempt, false);
    int failed = connecting->endpoint == NULL
                     ? UV_ENOMEM
                     : bind_source(attempt->request.pool, &connecting->endpoint->uv.tcp, address);
    if (failed == 0)
        failed = uv_tcp_connect(&connecting->request, &connecting->endpoint->uv.tcp, address,
                                on_connected);
    if (failed != 0) fail_address(attempt, connecting, failed);
}

static void connect_to(struct attempt *attempt, struct connecting *connecting,
                       const struct sockaddr *address)
{
    memcpy(&connecting->address, address, length_of(address));
    connecting->sources = attempt->request.pool->config->source_addresses.count;
    connect_from_next(attempt, connecting);
}

static void try_address(struct attempt *attempt, struct connecting *connecting)
{
    const struct sockaddr_storage *address = &connecting->found->items[connecting->next];
    connecting->next = (connecting->next + 1) % connecting->found->count;
    connecting->left--;
    connect_to(attempt, connecting, (const struct sockaddr *)address);
}

static void try_name(struct attempt *attempt, struct connecting *connecting)
{
    char why[SERVER_WORDS];
    connecting->found = server_state_addresses(server_of(attempt)->state, why);
    if (connecting->found != NULL) {
        connecting->left = connecting->found->count;
        connecting->next = pool_first_address(attempt->request.pool, connecting->found,
                                              attempt->request.client_id);
        set_deadline(attempt);
        try_address(attempt, connecting);
        return;
    }
    attempt->connecting = NULL;
    free_connecting(connecting);
    if (why[0] == '\0')
        look_again(attempt);
    else
        fail(attempt, ATTEMPT_UNREACHABLE, why);
}

static void try_tcp(struct attempt *attempt, struct connecting *connecting)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    const struct config_address *where = &server_of(attempt)->config->address;
    if (uv_ip4_addr(where->host, where->port, &v4) == 0)
        connect_to(attempt, connecting, (const struct sockaddr *)&v4);
    else if (uv_ip6_addr(where->host, where->port, &v6) == 0)
        connect_to(attempt, connecting, (const struct sockaddr *)&v6);
    else
        try_name(attempt, connecting);
}

/* --------------------------------------------------------------------------- on this machine alone
 */

static void try_unix(struct attempt *attempt, struct connecting *connecting, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) < sizeof address.sun_path) {
        memcpy(address.sun_path, path, strlen(path));
        if (succeed_at_once(attempt, (const struct sockaddr *)&address, sizeof address)) return;
    }
    connecting->endpoint = make_endpoint(attempt, true);
    if (connecting->endpoint == NULL) {
        fail_address(attempt, connecting, UV_ENOMEM);
        return;
    }
    uv_pipe_connect(&connecting->request, &connecting->endpoint->uv.pipe, path, on_connected);
}

/* The included broker's end of a socket pair goes to its thread; ours is connected at once. */
static void try_builtin(struct attempt *attempt)
{
    const struct builtin_broker *builtin = attempt->request.pool->builtin;
    int ends[2];
    struct endpoint *endpoint = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        fail(attempt, ATTEMPT_IMPOSSIBLE, "no descriptor is left for a socket pair");
        return;
    }
    endpoint = make_endpoint(attempt, true);
    if (endpoint == NULL || !endpoint_open(endpoint, ends[0])) {
        endpoint_close(&endpoint);
        (void)close(ends[0]); /* nothing was sent on it */
        (void)close(ends[1]);
        fail(attempt, ATTEMPT_IMPOSSIBLE, uv_strerror(UV_ENOMEM));
    } else if (!builtin->adopt(builtin->arg, ends[1], attempt->request.identity)) {
        endpoint_close(&endpoint);
        fail(attempt, ATTEMPT_IMPOSSIBLE, "the included broker takes no more connections");
    } else {
        succeed(attempt, endpoint);
    }
}

/* ---------------------------------------------------------------------------------------- trying
 */

static void try_server(struct attempt *attempt)
{
    if (attempt->request.pool->builtin != NULL) {
        try_builtin(attempt);
        return;
    }
    struct connecting *connecting = calloc(1, sizeof *connecting);
    if (connecting == NULL) {
        fail(attempt, ATTEMPT_OUT_OF_MEMORY, uv_strerror(UV_ENOMEM));
        return;
    }
    connecting->attempt = attempt;
    attempt->connecting = connecting;
    const char *path = server_of(attempt)->config->address.unix_path;
    if (path != NULL)
        try_unix(attempt, connecting, path);
    else
        try_tcp(attempt, connecting);
}

static void on_again(struct timer *timer)
{
    try_server(CONTAINER_OF(timer, struct attempt, again));
}

static void look_again(struct attempt *attempt)
{
    timer_set(&attempt->request.loop->deadlines, &attempt->again, LOOK_AGAIN_MS, on_again);
}

void attempt_start(struct attempt *attempt, const struct attempt_request *request)
{
    *attempt = (struct attempt){.request = *request};
    set_deadline(attempt);
    try_server(attempt);
}
