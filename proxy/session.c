// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/admission/descriptors.h"
#include "proxy/session_private.h"

static enum alive read_relayed(struct session *session, size_t length);
static enum alive discard(struct session *session, size_t length);

#define FROM(stage) (1U << (stage))

/* clang-format off */
static const struct {
    /* what a client's bytes, in the loop's ciphertext buffer, go to */
    enum alive (*read)(struct session *session, size_t length);
    unsigned entered_from;
} stages[] = {
    [ACCEPTED]           = {NULL,                      0},
    [AWAIT_PROXY_HEADER] = {session_read_proxy_header, FROM(ACCEPTED)},
    [AWAIT_CLIENT_HELLO] = {session_read_client_hello, FROM(ACCEPTED) | FROM(AWAIT_PROXY_HEADER)},
    [HANDSHAKING]        = {session_read_handshake,    FROM(AWAIT_CLIENT_HELLO)},
    [AWAIT_CONNECT]      = {session_read_connect,      FROM(HANDSHAKING)},
    [DIALLING]           = {session_read_early,        FROM(AWAIT_CONNECT) | FROM(AWAIT_CONNACK)},
    [AWAIT_CONNACK]      = {session_read_early,        FROM(DIALLING)},
    [RELAYING]           = {read_relayed,              FROM(AWAIT_CONNACK)},
    [HALF_CLOSED]        = {read_relayed,              FROM(RELAYING)},
    [CLOSING]            = {discard,                   ~FROM(CLOSING)},
};
/* clang-format on */

enum { HANDSHAKE_READ_BYTES = 8192 };

static void on_deadline(struct timer *timer);

void session_enter(struct session *session, enum stage stage)
{
    assert(stages[stage].entered_from & FROM(session->stage));
    session->stage = stage;
}

void session_set_deadline(struct session *session, uint64_t delay_ms)
{
    timer_set(&session->loop->deadlines, &session->deadline, delay_ms, on_deadline);
}

static enum alive on_client_end(struct session *session);

static enum alive read_relayed(struct session *session, size_t length)
{
    struct span plaintext = {NULL, 0};
    bool peer_closed = false;
    if (session_decrypt(session, length, &plaintext, &peer_closed) == GONE) return GONE;
    session->last_heard_ms = session->loop->deadlines.now_ms;
    session->relay.client_ends = peer_closed;
    if (plaintext.length > 0 && session_to_backend(session, plaintext) == GONE) return GONE;
    if (session_is_stalled(session)) session_set_lifetime(session);
    return peer_closed ? on_client_end(session) : ALIVE;
}

static enum alive discard(struct session *session, size_t length)
{
    (void)length;
    (void)session;
    return ALIVE;
}

/* Whoever only looks whether somebody listens, as load balancers do. */
static bool is_silent(const struct session *session)
{
    return session->stage < HANDSHAKING && session->held_length == 0;
}

static enum alive on_client_end(struct session *session)
{
    switch (session->stage) {
    case DIALLING:
    case AWAIT_CONNACK:
        return session_end_early(session);
    case RELAYING:
    case HALF_CLOSED:
        if (session->relay.client_ended) return ALIVE;
        relay_end_to_backend(&session->relay);
        endpoint_pause(session->relay.client);
        return session_half_close(session, "client_closed");
    case AWAIT_PROXY_HEADER:
    case AWAIT_CLIENT_HELLO:
    case HANDSHAKING:
        if (is_silent(session)) return session_end(session, "client_closed");
        return session_fail_handshake(session, "client_closed",
                                      "client closed the connection in the handshake");
    case ACCEPTED:
    case AWAIT_CONNECT:
    case CLOSING:
        break;
    }
    return session_end(session, "client_closed");
}

/* What may have to wait for its turn is read in small pieces. */
static uv_buf_t lend_ciphertext(void *owner)
{
    struct session *session = owner;
    uint8_t *buffer = session->loop->ciphertext;
    size_t room = LOOP_BUFFER_BYTES - session->held_length;
    if (session->stage <= HANDSHAKING && room > HANDSHAKE_READ_BYTES) room = HANDSHAKE_READ_BYTES;
    if (session->held_length > 0) memcpy(buffer, session->held, session->held_length);
    return uv_buf_init((char *)buffer + session->held_length, (unsigned)room);
}

void session_read(struct session *session, size_t length)
{
    (void)stages[session->stage].read(session, length); /* nothing follows here */
}

static void on_client_data(void *owner, size_t length)
{
    struct session *session = owner;
    length += session->held_length;
    free(session->held);
    session->held = NULL;
    session->held_length = 0;
    if (session->stage <= HANDSHAKING)
        session_read_in_turn(session, length);
    else
        session_read(session, length);
}

static void on_client_eof(void *owner)
{
    (void)on_client_end(owner); /* nothing follows here */
}

static void on_client_failure(void *owner, int error)
{
    struct session *session = owner;
    if (session->stage <= HANDSHAKING && !is_silent(session)) {
        (void)session_lose_handshake(session, uv_strerror(error));
        return;
    }
    /* Of one that had said all and does not wait for the answer, the broker shall read all. */
    if (!session->relay.client_ended) endpoint_reset(&session->relay.backend);
    (void)session_end(session, "client_reset");
}

static void on_client_drained(void *owner)
{
    struct session *session = owner;
    relay_client_drained(&session->relay);
    if (session->stage == CLOSING) session_set_close_deadline(session);
}

static void on_deadline(struct timer *timer)
{
    struct session *session = CONTAINER_OF(timer, struct session, deadline);
    switch (session->stage) {
    case AWAIT_PROXY_HEADER:
        (void)session_fail_handshake(
            session, "proxy_header_timeout",
            "the proxy sent no whole PROXY protocol header within handshake_timeout");
        return;
    case AWAIT_CLIENT_HELLO:
    case HANDSHAKING:
        (void)session_fail_handshake(
            session, "handshake_timeout",
            "client did not finish the handshake within handshake_timeout");
        return;
    case AWAIT_CONNACK:
        (void)session_lose_backend(session, "it did not answer the CONNECT within connack_timeout");
        return;
    case RELAYING:
        (void)session_check_lifetime(session); /* nothing follows here */
        return;
    case AWAIT_CONNECT:
        session->record.reason = "connect_timeout";
        session_note_failure(session);
        (void)session_close_gently(session);
        return;
    case ACCEPTED:
    case DIALLING:
    case HALF_CLOSED:
    case CLOSING:
        break;
    }
    (void)session_end(session, "closed");
}

static void enlist(struct session *session, struct session_list *list)
{
    session->list = list;
    session->next = list->first;
    session->link = &list->first;
    if (list->first != NULL) list->first->link = &session->next;
    list->first = session;
    list->count++;
}

/* How many connections are over, but still let in so far that they can be told: a second's worth of
 * handshakes. */
enum { LEAST_SPARE = 1000, CROWDED_NOTICE_MS = 10000 };

static void note_crowd(struct session *session)
{
    struct log_line line;
    uint64_t count = 0;
    if (!notice_due(&session->listener->counters->crowded, clock_monotonic_ms(), CROWDED_NOTICE_MS,
                    &count))
        return;
    log_begin(&line, LOG_WARN, "connections turned away");
    log_text(&line, "listener", session->record.listener);
    log_number(&line, "count", (int64_t)count);
    log_text(&line, "reason", refusal_word(REFUSAL_TOO_MANY_CONNECTIONS));
    log_text(&line, "error", "far more than max_connections: they are closed without an answer");
    log_end(&line);
}

/* Whoever is only told that there are too many takes no place. */
static bool take_place(struct listener_counters *counters, uint64_t most)
{
    uint_fast64_t taken = atomic_load_explicit(&counters->places, memory_order_relaxed);
    while (taken < most)
        if (atomic_compare_exchange_weak_explicit(&counters->places, &taken, taken + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

static enum alive count_connection(struct session *session)
{
    uint64_t most = session->listener->config->limits.max_connections;
    uint64_t before = atomic_fetch_add_explicit(&session->listener->counters->connections, 1,
                                                memory_order_relaxed);
    counter_add(&session->relay.counters->connections, 1);
    session->has_place = take_place(session->listener->counters, most);
    if (!session->has_place) session->over = REFUSAL_TOO_MANY_CONNECTIONS;
    if (before < most + sources_spare(most, LEAST_SPARE)) return ALIVE;
    note_crowd(session);
    return session_turn_away(session, &session->relay.counters->turned_away_limit,
                             refusal_word(REFUSAL_TOO_MANY_CONNECTIONS));
}

static void welcome(struct session *session)
{
    bool proxied = session->listener->config->proxy_protocol;
    if (count_connection(session) == GONE) return;
    if (proxied && !session_is_from_proxy(session)) {
        (void)session_fail_handshake(session, "untrusted_proxy",
                                     "its address is none of trusted_proxies");
        return;
    }
    if (!proxied && session_enter_source(session) == GONE) return;
    session_enter(session, proxied ? AWAIT_PROXY_HEADER : AWAIT_CLIENT_HELLO);
    session_set_deadline(session, session->listener->config->limits.handshake_timeout_ms);
    endpoint_resume(session->relay.client);
}

static struct session *session_new(const struct session_origin *origin,
                                   const struct session_arrival *arrival)
{
    static const struct endpoint_events client_events = {
        lend_ciphertext, on_client_data, on_client_eof, on_client_failure, on_client_drained};
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) return NULL;
    struct endpoint *client = endpoint_new(&origin->loop->uv, arrival->is_unix, &client_events,
                                           session);
    if (client != NULL && endpoint_open(client, arrival->fd)) {
        session->relay = (struct relay){.io = &origin->loop->tls, .client = client};
        return session;
    }
    endpoint_close(&client);
    free(session);
    return NULL;
}

bool session_accept(const struct session_origin *origin, const struct session_arrival *arrival)
{
    struct access_source source = {.is_unix = true};
    struct session *session = session_new(origin, arrival);
    if (session == NULL) {
        (void)close(arrival->fd); /* nothing was read from it */
        descriptors_release(arrival->descriptors);
        return false;
    }
    if (!arrival->is_unix) source = access_source_of(arrival->peer);
    session->loop = origin->loop;
    session->snapshot = snapshot_ref(origin->snapshot);
    session->listener = &origin->snapshot->listeners[origin->listener];
    session->relay.counters = session->listener->counters->tally->of_worker[origin->loop->number];
    session->problem_information = true;
    session->largest_packet = UINT16_MAX;
    session->descriptors = (uint8_t)arrival->descriptors;
    session->has_token = arrival->has_token;
    enlist(session, origin->list);
    access_record_init(&session->record, session->listener->config->name, &source,
                       clock_monotonic_ms());
    welcome(session);
    return true;
}
