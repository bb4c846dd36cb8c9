// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/dial.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/backend/findings.h"
#include "proxy/backend/slots.h"
#include "proxy/backend/source.h"

enum {
    LOOK_AGAIN_MS = 1, /* at the next tick of the wheel */
    /* Without checks a server that is down is tried again after a pause, which nobody announces. */
    RECONSIDER_MS = VITALS_FIRST_PAUSE_MS
};

/* One try at one address. It outlives its dial when that is cancelled while libuv still holds the
 * request, and is freed by the request's callback then. */
struct attempt {
    struct dial *dial; /* NULL: cancelled */
    struct endpoint *endpoint;
    struct server_addresses *found; /* what a name stands for; NULL: it is no name */
    size_t next;                    /* of those, not tried yet */
    size_t left;
    struct sockaddr_storage address; /* that is being dialled */
    size_t sources;                  /* of ours that it has not been dialled from yet */
    uv_connect_t request;
};

struct dial {
    struct dial_request request;
    struct dial **slot;
    struct attempt *attempt;
    struct timer deadline; /* of this attempt, or in the queue */
    struct timer again;    /* looks again: for the address of a name, or to a full socket */
    bool full;             /* the queue of connections of such a socket */
    uint64_t ends_ms;
    int server; /* whose connection is counted; -1: none */
    bool queued;
    struct slots_waiter waiter; /* while queued */
};

static void try_next(struct dial *dial);
static void try_server(struct dial *dial);

static uint64_t now_of(const struct dial *dial)
{
    return dial->request.loop->deadlines.now_ms;
}

/* While it is being dialled nothing is read from an endpoint, so that none of its events can come.
 */
static void end_attempt(struct dial *dial)
{
    struct attempt *attempt = dial->attempt;
    dial->attempt = NULL;
    if (attempt == NULL) return;
    attempt->dial = NULL;
    endpoint_close(&attempt->endpoint); /* the connect callback frees the attempt */
}

static void release_server(struct dial *dial)
{
    if (dial->server >= 0) slots_release(dial->request.pool, dial->server);
    dial->server = -1;
}

static void end_dial(struct dial *dial)
{
    timer_clear(&dial->deadline);
    timer_clear(&dial->again);
    if (dial->queued) slots_leave(&dial->waiter, now_of(dial));
    release_server(dial);
    *dial->slot = NULL;
    free(dial);
}

void dial_cancel(struct dial **slot)
{
    struct dial *ending = *slot;
    if (ending == NULL) return;
    end_attempt(ending);
    end_dial(ending);
}

static void give_up(struct dial *dial, enum dial_failure failure)
{
    struct dial_request request = dial->request;
    end_attempt(dial);
    end_dial(dial);
    request.events->on_given_up(request.owner, failure);
}

static void succeed(struct dial *dial, struct endpoint *endpoint)
{
    struct dial_request request = dial->request;
    int server = dial->server;
    dial->server = -1; /* the owner's from here on */
    findings_of_dial(request.pool, server, NULL, now_of(dial));
    end_dial(dial);
    request.events->on_connected(request.owner, endpoint, server);
}

static const char *words_of(int error)
{
    if (error == UV_EADDRNOTAVAIL)
        return "no local port is left to dial it from (source_addresses adds some), or a source "
               "address is not this machine's";
    if (error == UV_EAFNOSUPPORT) return "no source address is of its family";
    return uv_strerror(error);
}

/* Tells the owner, who must not cancel from here, and goes on with the next server. */
static void fail_attempt(struct dial *dial, const char *why, bool blamed)
{
    int server = dial->server;
    if (blamed) findings_of_dial(dial->request.pool, server, why, now_of(dial));
    release_server(dial); /* then nobody who waits is given a server that is down by now */
    dial->request.events->on_unreachable(dial->request.owner, server, why);
    try_next(dial);
}

static void free_attempt(struct attempt *attempt)
{
    server_addresses_unref(attempt->found);
    free(attempt);
}

/* --------------------------------------------------------------------------------------- deadline
 */

/* Whoever does not answer gets half of the time while there is another one to try. */
static void set_deadline(struct dial *dial);

/* The attempt at the next address of the same name: libuv still holds the request of this one. */
static bool go_on_with_name(struct dial *dial)
{
    struct attempt *slow = dial->attempt;
    struct attempt *attempt = slow->left == 0 ? NULL : calloc(1, sizeof *attempt);
    if (attempt == NULL) return false;
    *attempt = (struct attempt){
        .dial = dial, .found = slow->found, .next = slow->next, .left = slow->left};
    slow->found = NULL;
    end_attempt(dial);
    dial->attempt = attempt;
    return true;
}

static void try_address(struct dial *dial, struct attempt *attempt);
static void connect_from_next(struct dial *dial, struct attempt *attempt);

static const char *why_too_late(const struct dial *dial)
{
    if (dial->full) return "its queue of connections stayed full for connect_timeout";
    return dial->attempt == NULL ? "its name was not resolved within connect_timeout"
                                 : "no answer within connect_timeout";
}

static void on_deadline(struct timer *timer)
{
    struct dial *dial = CONTAINER_OF(timer, struct dial, deadline);
    bool time_left = now_of(dial) < dial->ends_ms;
    if (dial->queued) {
        give_up(dial, DIAL_QUEUE_TIMEOUT);
    } else if (time_left && dial->attempt != NULL && go_on_with_name(dial)) {
        set_deadline(dial);
        try_address(dial, dial->attempt);
    } else {
        const char *why = why_too_late(dial);
        end_attempt(dial);
        timer_clear(&dial->again);
        if (!time_left) memset(dial->request.tried, true, dial->request.pool->count);
        fail_attempt(dial, why, true);
    }
}

static void set_deadline(struct dial *dial)
{
    const struct dial_request *request = &dial->request;
    uint64_t now_ms = now_of(dial);
    uint64_t left_ms = dial->ends_ms > now_ms ? dial->ends_ms - now_ms : 0;
    bool others = (dial->attempt != NULL && dial->attempt->left > 1) ||
                  (request->pool->count > 1 &&
                   pool_usable(request->pool, request->tried, now_ms) > 0);
    timer_set(&request->loop->deadlines, &dial->deadline, others ? left_ms / 2 : left_ms,
              on_deadline);
}

/* ------------------------------------------------------------------------------------- connecting
 */

static void look_again(struct dial *dial);

/* A broker behind a unix socket has not accepted enough yet: with TCP the kernel would wait. */
static bool is_full(const struct dial *dial, int status)
{
    const struct pool_server *server = &dial->request.pool->servers[dial->server];
    return status == UV_EAGAIN && server->config->address.unix_path != NULL;
}

/* From our next address, if this one has no port left; to the name's next one, if there is one;
 * then the server is given up. */
static void fail_address(struct dial *dial, struct attempt *attempt, int status)
{
    endpoint_close(&attempt->endpoint);
    if (status == UV_EADDRNOTAVAIL && attempt->sources > 0) {
        connect_from_next(dial, attempt);
        return;
    }
    if (attempt->left > 0) {
        try_address(dial, attempt);
        return;
    }
    dial->attempt = NULL;
    free_attempt(attempt);
    dial->full = is_full(dial, status);
    if (dial->full)
        look_again(dial);
    else
        fail_attempt(dial, words_of(status), !source_is_to_blame(status));
}

static void on_connected(uv_connect_t *request, int status)
{
    struct attempt *attempt = CONTAINER_OF(request, struct attempt, request);
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

/* The dial is over if this is true. */
static bool succeed_at_once(struct dial *dial, const struct sockaddr *address, socklen_t length)
{
    bool is_unix = address->sa_family == AF_UNIX;
    struct pool *pool = dial->request.pool;
    int fd = source_connect_at_once(pool->config, pool_next_source(pool), address, length);
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

static socklen_t length_of(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static void connect_from_next(struct dial *dial, struct attempt *attempt)
{
    const struct sockaddr *address = (const struct sockaddr *)&attempt->address;
    socklen_t length = length_of(address);
    if (attempt->sources > 0) attempt->sources--;
    if (source_is_loopback(address) && succeed_at_once(dial, address, length)) return;
    attempt->endpoint = make_endpoint(dial, false);
    int failed = attempt->endpoint == NULL
                     ? UV_ENOMEM
                     : bind_source(dial->request.pool, &attempt->endpoint->uv.tcp, address);
    if (failed == 0)
        failed = uv_tcp_connect(&attempt->request, &attempt->endpoint->uv.tcp, address,
                                on_connected);
    if (failed != 0) fail_address(dial, attempt, failed);
}

static void connect_to(struct dial *dial, struct attempt *attempt, const struct sockaddr *address)
{
    memcpy(&attempt->address, address, length_of(address));
    attempt->sources = dial->request.pool->config->source_addresses.count;
    connect_from_next(dial, attempt);
}

static void try_address(struct dial *dial, struct attempt *attempt)
{
    const struct sockaddr_storage *address = &attempt->found->items[attempt->next];
    attempt->next = (attempt->next + 1) % attempt->found->count;
    attempt->left--;
    connect_to(dial, attempt, (const struct sockaddr *)address);
}

static void on_again(struct timer *timer)
{
    try_server(CONTAINER_OF(timer, struct dial, again));
}

static void look_again(struct dial *dial)
{
    timer_set(&dial->request.loop->deadlines, &dial->again, LOOK_AGAIN_MS, on_again);
}

static void dial_name(struct dial *dial, struct attempt *attempt, struct server_state *state)
{
    char why[SERVER_WORDS];
    attempt->found = server_state_addresses(state, why);
    if (attempt->found != NULL) {
        attempt->left = attempt->found->count;
        attempt->next = pool_first_address(dial->request.pool, attempt->found,
                                           dial->request.client_id);
        set_deadline(dial);
        try_address(dial, attempt);
        return;
    }
    dial->attempt = NULL;
    free_attempt(attempt);
    if (why[0] == '\0')
        look_again(dial);
    else
        fail_attempt(dial, why, true);
}

static void dial_tcp(struct dial *dial, struct attempt *attempt, const struct pool_server *server)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    const struct config_address *where = &server->config->address;
    if (uv_ip4_addr(where->host, where->port, &v4) == 0)
        connect_to(dial, attempt, (const struct sockaddr *)&v4);
    else if (uv_ip6_addr(where->host, where->port, &v6) == 0)
        connect_to(dial, attempt, (const struct sockaddr *)&v6);
    else
        dial_name(dial, attempt, server->state);
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
    uv_pipe_connect(&attempt->request, &attempt->endpoint->uv.pipe, path, on_connected);
}

/* The included broker's end of a socket pair goes to its thread; ours is connected at once. */
static void dial_builtin(struct dial *dial)
{
    const struct builtin_broker *builtin = dial->request.pool->builtin;
    int ends[2];
    struct endpoint *endpoint = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        fail_attempt(dial, "no descriptor is left for a socket pair", false);
        return;
    }
    endpoint = make_endpoint(dial, true);
    if (endpoint == NULL || !endpoint_open(endpoint, ends[0])) {
        endpoint_close(&endpoint);
        (void)close(ends[0]); /* nothing was sent on it */
        (void)close(ends[1]);
        fail_attempt(dial, uv_strerror(UV_ENOMEM), false);
    } else if (!builtin->adopt(builtin->arg, ends[1], dial->request.identity)) {
        endpoint_close(&endpoint);
        fail_attempt(dial, "the included broker takes no more connections", false);
    } else {
        succeed(dial, endpoint);
    }
}

/* --------------------------------------------------------------------------------------- choosing
 */

static void try_server(struct dial *dial)
{
    const struct pool *pool = dial->request.pool;
    if (pool->builtin != NULL) {
        dial_builtin(dial);
        return;
    }
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) {
        give_up(dial, DIAL_OUT_OF_MEMORY);
        return;
    }
    attempt->dial = dial;
    dial->attempt = attempt;
    const struct pool_server *server = &pool->servers[dial->server];
    if (server->config->address.unix_path != NULL)
        dial_unix(dial, attempt, server->config->address.unix_path);
    else
        dial_tcp(dial, attempt, server);
}

static void dial_chosen(struct dial *dial, int server)
{
    if (server == POOL_NONE) {
        give_up(dial, DIAL_UNREACHABLE);
        return;
    }
    dial->server = server;
    dial->full = false;
    dial->request.tried[server] = true;
    set_deadline(dial);
    try_server(dial);
}

static void on_told(struct loop_note *note)
{
    struct dial *dial = CONTAINER_OF(note, struct dial, waiter.note);
    dial->queued = false;
    timer_clear(&dial->again);
    dial->ends_ms = now_of(dial) + dial->request.timeout_ms;
    dial_chosen(dial, dial->waiter.server);
}

static void on_reconsider(struct timer *timer)
{
    struct dial *dial = CONTAINER_OF(timer, struct dial, again);
    timer_set(&dial->request.loop->deadlines, timer, RECONSIDER_MS, on_reconsider);
    slots_reconsider(&dial->waiter, now_of(dial));
}

static void wait_in_queue(struct dial *dial, const struct pool_client *client, int awaited)
{
    struct pool *pool = dial->request.pool;
    struct timer_wheel *deadlines = &dial->request.loop->deadlines;
    dial->waiter = (struct slots_waiter){
        .pool = pool, .client = *client, .loop = dial->request.loop};
    dial->queued = slots_wait(&dial->waiter, awaited, now_of(dial), on_told);
    if (!dial->queued) {
        give_up(dial, DIAL_QUEUE_FULL);
        return;
    }
    timer_set(deadlines, &dial->deadline, pool->config->queue.timeout_ms, on_deadline);
    if (pool->count > 1 && !pool_rule(pool).checked)
        timer_set(deadlines, &dial->again, RECONSIDER_MS, on_reconsider);
}

static void try_next(struct dial *dial)
{
    const struct dial_request *request = &dial->request;
    const struct pool_client client = {request->client_id, request->tried};
    int awaited = POOL_NONE;
    int chosen = slots_take(request->pool, &client, now_of(dial), &awaited);
    if (chosen == POOL_FULL)
        wait_in_queue(dial, &client, awaited);
    else
        dial_chosen(dial, chosen);
}

bool dial_waits(const struct dial *dial)
{
    return dial != NULL && dial->queued;
}

bool dial_move(struct dial *dial, struct pool *pool, bool *tried)
{
    if (!dial_waits(dial) || !slots_move(&dial->waiter, pool, tried, now_of(dial))) return false;
    dial->request.pool = pool;
    dial->request.tried = tried;
    return true;
}

void dial_start(const struct dial_request *request, struct dial **slot)
{
    struct dial *dial = calloc(1, sizeof *dial);
    *slot = dial;
    if (dial == NULL) {
        request->events->on_given_up(request->owner, DIAL_OUT_OF_MEMORY);
        return;
    }
    dial->request = *request;
    dial->slot = slot;
    dial->server = -1;
    dial->ends_ms = now_of(dial) + request->timeout_ms;
    try_next(dial);
}
