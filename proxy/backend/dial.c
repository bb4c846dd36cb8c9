// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One try at one server. It outlives its dial when that is cancelled while libuv still holds a
 * request, and is freed by the request's callback then. */
struct attempt {
    struct dial *dial; /* NULL: cancelled */
    struct endpoint *endpoint;
    struct addrinfo *found;      /* what a name stands for; NULL: none was looked up */
    const struct addrinfo *next; /* not tried yet */
    union {
        uv_connect_t connect;
        uv_getaddrinfo_t resolve;
    } request;
};

struct dial {
    struct dial_request request;
    struct dial **slot;
    bool *lasts; /* of dial_start, while that has not returned */
    struct attempt *attempt;
    struct timer deadline;
    int server;
    bool tried[BALANCE_MOST_SERVERS];
};

static void try_next(struct dial *dial);

/* While it is being dialled nothing is read from an endpoint, so that none of its events can come.
 */
static void end_attempt(struct dial *dial)
{
    struct attempt *attempt = dial->attempt;
    dial->attempt = NULL;
    if (attempt == NULL) return;
    attempt->dial = NULL;
    if (attempt->endpoint != NULL) {
        endpoint_close(&attempt->endpoint); /* the connect callback frees the attempt */
    } else {
        (void)uv_cancel((uv_req_t *)&attempt->request.resolve); /* too late is good as well */
    }
}

static void end_dial(struct dial *dial)
{
    timer_clear(&dial->deadline);
    *dial->slot = NULL;
    if (dial->lasts != NULL) *dial->lasts = false;
    free(dial);
}

void dial_cancel(struct dial **slot)
{
    struct dial *ending = *slot;
    if (ending == NULL) return;
    end_attempt(ending);
    end_dial(ending);
}

static void give_up(struct dial *dial)
{
    struct dial_request request = dial->request;
    end_attempt(dial);
    end_dial(dial);
    request.events->on_given_up(request.owner);
}

static void succeed(struct dial *dial, struct endpoint *endpoint)
{
    struct dial_request request = dial->request;
    int server = dial->server;
    end_dial(dial);
    request.events->on_connected(request.owner, endpoint, server);
}

/* Tells the owner, who must not cancel from here, and goes on with the next server. */
static void fail_attempt(struct dial *dial, const char *why)
{
    dial->request.events->on_unreachable(dial->request.owner, dial->server, why);
    try_next(dial);
}

static void free_attempt(struct attempt *attempt)
{
    uv_freeaddrinfo(attempt->found);
    free(attempt);
}

static void connect_to(struct dial *dial, struct attempt *attempt, const struct sockaddr *address);

/* The name's next address, if there is one; then the server is given up. */
static void fail_address(struct dial *dial, struct attempt *attempt, int status)
{
    const struct addrinfo *address = attempt->next;
    endpoint_close(&attempt->endpoint);
    if (address != NULL) {
        attempt->next = address->ai_next;
        connect_to(dial, attempt, address->ai_addr);
        return;
    }
    dial->attempt = NULL;
    free_attempt(attempt);
    fail_attempt(dial, uv_strerror(status));
}

static void on_connected(uv_connect_t *request, int status)
{
    struct attempt *attempt = CONTAINER_OF(request, struct attempt, request.connect);
    struct dial *dial = attempt->dial;
    struct endpoint *endpoint = attempt->endpoint;
    if (dial == NULL) {
        free_attempt(attempt);
    } else if (status != 0) {
        fail_address(dial, attempt, status);
    } else {
        int fd = -1;
        dial->attempt = NULL;
        free_attempt(attempt);
        if (endpoint->uv.handle.type == UV_TCP && uv_fileno(&endpoint->uv.handle, &fd) == 0)
            endpoint_tune_socket(fd, false);
        succeed(dial, endpoint);
    }
}

static struct endpoint *make_endpoint(struct dial *dial, bool is_unix)
{
    return endpoint_new(&dial->request.loop->uv, is_unix, dial->request.endpoint_events,
                        dial->request.owner);
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return address->sa_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* Whoever is on this machine has answered before connect returns, and no turn of the loop has to
 * be waited for. -1: not so; the long way then tells why. */
static int connect_at_once(const struct sockaddr *address, socklen_t length)
{
    const int off = 0;
    struct pollfd answer = {.events = POLLOUT};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    /* The last packet of TCP's handshake waits for the CONNECT, which follows at once. */
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off,
                         sizeof off); /* it may be sent alone */
    if (connect(fd, address, length) == 0) return fd;
    answer.fd = fd;
    if (errno == EINPROGRESS && poll(&answer, 1, 0) == 1 && answer.revents == POLLOUT) return fd;
    (void)close(fd); /* nothing was sent on it */
    return -1;
}

/* The dial is over if this is true. */
static bool succeed_at_once(struct dial *dial, const struct sockaddr *address, socklen_t length)
{
    bool is_unix = address->sa_family == AF_UNIX;
    int fd = connect_at_once(address, length);
    if (fd < 0) return false;
    if (!is_unix) endpoint_tune_socket(fd, true);
    struct endpoint *endpoint = make_endpoint(dial, is_unix);
    if (endpoint == NULL || !endpoint_open(endpoint, fd)) {
        endpoint_close(&endpoint);
        (void)close(fd); /* nothing was sent on it */
        return false;
    }
    struct attempt *attempt = dial->attempt;
    dial->attempt = NULL;
    free_attempt(attempt);
    succeed(dial, endpoint);
    return true;
}

static void connect_to(struct dial *dial, struct attempt *attempt, const struct sockaddr *address)
{
    socklen_t length = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                      : sizeof(struct sockaddr_in);
    if (is_loopback(address) && succeed_at_once(dial, address, length)) return;
    attempt->endpoint = make_endpoint(dial, false);
    int failed = attempt->endpoint == NULL
                     ? UV_ENOMEM
                     : uv_tcp_connect(&attempt->request.connect, &attempt->endpoint->uv.tcp,
                                      address, on_connected);
    if (failed != 0) fail_address(dial, attempt, failed);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct attempt *attempt = CONTAINER_OF(request, struct attempt, request.resolve);
    struct dial *dial = attempt->dial;
    attempt->found = found;
    if (dial == NULL) {
        free_attempt(attempt);
        return;
    }
    attempt->next = found; /* NULL after a failure */
    fail_address(dial, attempt, status);
}

static void resolve(struct dial *dial, struct attempt *attempt, const struct config_address *where)
{
    char port[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    (void)snprintf(port, sizeof port, "%u", where->port);
    int failed = uv_getaddrinfo(&dial->request.loop->uv, &attempt->request.resolve, on_resolved,
                                where->host, port, &hints);
    if (failed != 0) fail_address(dial, attempt, failed);
}

static void dial_tcp(struct dial *dial, struct attempt *attempt, const struct config_address *where)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(where->host, where->port, &v4) == 0)
        connect_to(dial, attempt, (const struct sockaddr *)&v4);
    else if (uv_ip6_addr(where->host, where->port, &v6) == 0)
        connect_to(dial, attempt, (const struct sockaddr *)&v6);
    else
        resolve(dial, attempt, where);
}

static void dial_unix(struct dial *dial, struct attempt *attempt, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) < sizeof address.sun_path) {
        memcpy(address.sun_path, path, strlen(path));
        if (succeed_at_once(dial, (const struct sockaddr *)&address, sizeof address)) return;
    }
    attempt->endpoint = make_endpoint(dial, true);
    if (attempt->endpoint == NULL) {
        fail_address(dial, attempt, UV_ENOMEM);
        return;
    }
    uv_pipe_connect(&attempt->request.connect, &attempt->endpoint->uv.pipe, path, on_connected);
}

/* The included broker's end of a socket pair goes to its thread; ours is connected at once. */
static void dial_builtin(struct dial *dial)
{
    const struct builtin_broker *builtin = dial->request.pool->builtin;
    int ends[2];
    struct endpoint *endpoint = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        fail_attempt(dial, "no descriptor is left for a socket pair");
        return;
    }
    endpoint = make_endpoint(dial, true);
    if (endpoint == NULL || !endpoint_open(endpoint, ends[0])) {
        endpoint_close(&endpoint);
        (void)close(ends[0]); /* nothing was sent on it */
        (void)close(ends[1]);
        fail_attempt(dial, uv_strerror(UV_ENOMEM));
    } else if (!builtin->adopt(builtin->arg, ends[1], dial->request.identity)) {
        endpoint_close(&endpoint);
        fail_attempt(dial, "the included broker takes no more connections");
    } else {
        succeed(dial, endpoint);
    }
}

static void try_next(struct dial *dial)
{
    struct pool *pool = dial->request.pool;
    dial->server = pool_choose(pool, dial->request.client_id, dial->tried);
    if (dial->server == BALANCE_NONE) {
        give_up(dial);
        return;
    }
    dial->tried[dial->server] = true;
    if (pool->builtin != NULL) {
        dial_builtin(dial);
        return;
    }
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) {
        give_up(dial);
        return;
    }
    attempt->dial = dial;
    dial->attempt = attempt;
    const struct config_address *where = &pool->servers[dial->server].config->address;
    if (where->unix_path != NULL)
        dial_unix(dial, attempt, where->unix_path);
    else
        dial_tcp(dial, attempt, where);
}

static void on_deadline(struct timer *timer)
{
    struct dial *dial = CONTAINER_OF(timer, struct dial, deadline);
    if (dial->attempt != NULL)
        dial->request.events->on_unreachable(dial->request.owner, dial->server,
                                             "no answer within connect_timeout");
    give_up(dial);
}

bool dial_start(const struct dial_request *request, struct dial **slot)
{
    bool lasts = true;
    struct dial *dial = calloc(1, sizeof *dial);
    *slot = dial;
    if (dial == NULL) {
        request->events->on_given_up(request->owner);
        return false;
    }
    dial->lasts = &lasts;
    dial->request = *request;
    dial->slot = slot;
    timer_set(&request->loop->deadlines, &dial->deadline, request->pool->config->connect_timeout_ms,
              on_deadline);
    try_next(dial);
    if (lasts) dial->lasts = NULL;
    return lasts;
}
