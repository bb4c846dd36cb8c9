// SPDX-License-Identifier: GPL-3.0-or-later
/* From the choice of a broker to its CONNACK. Until then the client's first packets are kept: the
 * CONNECT goes to one broker after the other, and what is behind it only to the one that accepts.
 */
#include <stdlib.h>
#include <string.h>

#include "mqtt/connack.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "proxy/backend/dial.h"
#include "proxy/backend/slots.h"
#include "proxy/session_private.h"

enum {
    LARGEST_CONNACK = 65536, /* far over any broker's */
    MOST_EARLY = 65536,      /* kept behind a CONNECT; from there on the client is not read */
    DESCRIPTION_ROOM = 2048
};

static enum alive start_dial(struct session *session);

static const char *server_name(const struct session *session, int server)
{
    return pool_server_name(session->pool, server);
}

void session_drop_handover(struct session *session)
{
    if (session->handover == NULL) return;
    free(session->handover->answer);
    free(session->handover);
    session->handover = NULL;
}

static struct span kept_connect(const struct session *session)
{
    return (struct span){session->early, session->handover->connect_length};
}

/* What the client sent behind its CONNECT, for a broker that has accepted that. */
static struct span kept_behind(const struct session *session)
{
    size_t length = session->handover->connect_length;
    return (struct span){session->early + length, session->early_length - length};
}

/* ------------------------------------------------------------------------------------- the client
 */

enum alive session_read_early(struct session *session, size_t length)
{
    struct span plaintext = {NULL, 0};
    bool peer_closed = false;
    if (session_decrypt(session, length, &plaintext, &peer_closed) == GONE) return GONE;
    if (session->handover->flowing) {
        session->relay.client_ends = peer_closed;
        if (plaintext.length > 0 && session_to_backend(session, plaintext) == GONE) return GONE;
    } else if (!session_keep_early(session, plaintext)) {
        return session_end(session, "out_of_memory");
    } else if (kept_behind(session).length > MOST_EARLY) {
        endpoint_pause(session->relay.client);
    }
    return peer_closed ? session_end_early(session) : ALIVE;
}

/* Some clients say all that they have to say and go, without waiting for an answer. */
enum alive session_end_early(struct session *session)
{
    if (session->stage == DIALLING && kept_behind(session).length == 0)
        return session_end(session, "client_closed");
    session->handover->client_ended = true;
    endpoint_pause(session->relay.client);
    if (session->handover->flowing) relay_end_to_backend(&session->relay);
    return ALIVE;
}

/* The broker is the one that has it: what is kept has been sent or goes now, and is not needed any
 * more. */
static enum alive let_flow(struct session *session, bool wanted)
{
    if (session->handover->flowing) return ALIVE;
    session->handover->flowing = true;
    if (session_count_connect(session, kept_connect(session)) == GONE) return GONE;
    struct span behind = kept_behind(session);
    if (wanted && behind.length > 0 && session_to_backend(session, behind) == GONE) return GONE;
    session_drop_early(session);
    if (session->handover->client_ended) relay_end_to_backend(&session->relay);
    return ALIVE;
}

/* ---------------------------------------------------------------------------------------- dialling
 */

static void on_unreachable(void *owner, int server, const char *why)
{
    struct session *session = owner;
    access_log_backend(&session->record, "backend unreachable", server_name(session, server), why);
}

/* What each server did; the client is told less. */
static void log_dead_fleet(struct session *session)
{
    char words[DESCRIPTION_ROOM];
    struct pool *pool = session->pool;
    if (pool->count == 1 && session->handover->tried[0]) return; /* that has been said */
    if (!pool_may_describe(pool, session->loop->deadlines.now_ms)) return;
    pool_describe(pool, words, sizeof words);
    access_log_backend(&session->record, "backend unreachable",
                       pool->count == 1 ? server_name(session, 0) : "all of them", words);
}

static void on_given_up(void *owner, enum dial_failure failure)
{
    struct session *session = owner;
    switch (failure) {
    case DIAL_UNREACHABLE:
        log_dead_fleet(session);
        (void)session_refuse(session, REFUSAL_NO_BACKEND, ""); /* nothing follows, as below */
        return;
    case DIAL_QUEUE_FULL:
        (void)session_refuse(session, REFUSAL_BUSY,
                             "the brokers serve as many clients as they may, and as many wait as "
                             "may");
        return;
    case DIAL_QUEUE_TIMEOUT:
        (void)session_refuse(session, REFUSAL_BUSY,
                             "the brokers serve as many clients as they may, and none has left in "
                             "time");
        return;
    case DIAL_OUT_OF_MEMORY:
        break;
    }
    (void)session_refuse(session, REFUSAL_BUSY, "");
}

/* While there is another broker, the CONNECT alone: as long as it is not answered, that one can
 * still get it. */
static void on_connected(void *owner, struct endpoint *endpoint, int server)
{
    struct session *session = owner;
    uint64_t now_ms = session->loop->deadlines.now_ms;
    session->relay.backend = endpoint;
    session->record.server_index = server;
    session->record.server = server_name(session, server);
    if (session->handover->ends_ms == 0)
        session->handover->ends_ms = now_ms + session->pool->config->connect_timeout_ms;
    session_enter(session, AWAIT_CONNACK);
    session_set_deadline(session, session->pool->config->connack_timeout_ms);
    if (!session_introduce(session)) {
        (void)session_refuse(session, REFUSAL_BUSY, "");
        return;
    }
    if (!relay_send_connect(&session->relay, kept_connect(session))) {
        (void)session_lose_backend(session, "it closed the connection without a CONNACK");
        return;
    }
    if (session->pool->count == 1 && let_flow(session, true) == GONE) return;
    endpoint_resume(session->relay.backend);
}

static void leave_backend(struct session *session)
{
    struct session_handover *handover = session->handover;
    endpoint_close(&session->relay.backend);
    slots_release(session->pool, session->record.server_index);
    session->record.server_index = -1;
    free(handover->answer);
    handover->answer = NULL;
    handover->answer_length = 0;
}

enum alive session_lose_backend(struct session *session, const char *why)
{
    uint64_t now_ms = session->loop->deadlines.now_ms;
    const struct session_handover *handover = session->handover;
    access_log_backend(&session->record, "backend failed", session->record.server, why);
    leave_backend(session);
    if (now_ms >= handover->ends_ms || pool_usable(session->pool, handover->tried, now_ms) == 0)
        return session_refuse(session, REFUSAL_NO_BACKEND, "");
    session_enter(session, DIALLING);
    return start_dial(session);
}

/* ----------------------------------------------------------------------------------------- CONNACK
 */

/* A broker may ask MQTT 5 clients for another keep alive than theirs (MQTT 5, 3.2.2.3.14). */
static void read_connack(struct session *session, const uint8_t *packet, size_t length)
{
    struct mqtt_connack connack;
    struct mqtt_property property;
    if (mqtt_connack_decode(&connack, session->record.mqtt_version, packet, length) != MQTT_OK)
        return; /* the client will say what it thinks of it */
    session->record.connack = connack.code;
    session_note_connack(session);
    struct bytes walk = bytes_of(connack.properties.data, connack.properties.length);
    while (mqtt_property_next(&walk, &property))
        if (property.id == MQTT_PROPERTY_SERVER_KEEP_ALIVE)
            session->record.keep_alive_s = (uint16_t)property.number;
}

/* Whoever was refused by the broker has nothing to say to it. The answer may be the loop's buffer,
 * and goes first. */
static enum alive start_relaying(struct session *session, struct span answer, bool accepted)
{
    bool client_ended = session->handover->client_ended;
    session_enter(session, RELAYING);
    session->last_heard_ms = session->loop->deadlines.now_ms;
    session_set_lifetime(session);
    if (session->list->draining) session_leave_some_time(session);
    counter_add(&session->relay.counters->admissions, 1);
    session_note_admitted(session);
    if (session_to_client(session, answer) == GONE || let_flow(session, accepted) == GONE)
        return GONE;
    session_drop_handover(session);
    if (session_catch_up(session) == GONE) return GONE;
    if (client_ended) return session_half_close(session, "client_closed");
    if (session->relay.backend->pending == 0) relay_backend_drained(&session->relay);
    return ALIVE;
}

/* A CONNACK in pieces is put together; as a rule it comes in one. */
static bool join_pieces(struct session_handover *handover, struct span *data)
{
    uint8_t *grown = realloc(handover->answer, handover->answer_length + data->length);
    if (grown == NULL) return false;
    memcpy(grown + handover->answer_length, data->data, data->length);
    handover->answer = grown;
    handover->answer_length += data->length;
    *data = (struct span){handover->answer, handover->answer_length};
    return true;
}

/* Waits for the broker's first packet, so that another broker, or a CONNACK of ours, can still take
 * the place of one that is none, or dies now. */
static enum alive await_connack(struct session *session, struct span data)
{
    struct mqtt_frame frame;
    struct session_handover *handover = session->handover;
    if (handover->answer_length > 0 && !join_pieces(handover, &data))
        return session_end(session, "out_of_memory");
    enum mqtt_status status = mqtt_frame_decode(&frame, data.data, data.length);
    size_t length = status == MQTT_OK ? frame.header_length + frame.remaining_length : SIZE_MAX;
    if (status == MQTT_OK && ((frame.type != MQTT_CONNACK && frame.type != MQTT_AUTH) ||
                              frame.remaining_length > LARGEST_CONNACK))
        status = MQTT_MALFORMED;
    if (status != MQTT_OK && status != MQTT_NEED_MORE)
        return session_lose_backend(session, "it answered with something that is no CONNACK");
    if (data.length < length) {
        if (handover->answer_length > 0 || join_pieces(handover, &data)) return ALIVE;
        return session_end(session, "out_of_memory");
    }
    if (frame.type == MQTT_CONNACK) read_connack(session, data.data, length);
    return start_relaying(session, data, session->record.connack <= 0);
}

static uv_buf_t lend_plaintext(void *owner)
{
    struct session *session = owner;
    return uv_buf_init((char *)session->loop->plaintext, LOOP_BUFFER_BYTES);
}

static void on_backend_data(void *owner, size_t length)
{
    struct session *session = owner;
    struct span data = {session->loop->plaintext, length};
    if (session->stage == AWAIT_CONNACK)
        (void)await_connack(session, data); /* nothing follows here */
    else
        (void)session_to_client(session, data);
}

static void on_backend_end(void *owner)
{
    struct session *session = owner;
    if (session->stage == AWAIT_CONNACK) {
        (void)session_lose_backend(session, "it closed the connection without a CONNACK");
    } else if (!relay_end_to_client(&session->relay)) {
        (void)session_end(session, "client_reset");
    } else {
        (void)session_half_close(session, "backend_closed");
    }
}

static void on_backend_failure(void *owner, int error)
{
    struct session *session = owner;
    if (session->stage == AWAIT_CONNACK) {
        (void)session_lose_backend(session, uv_strerror(error));
        return;
    }
    endpoint_reset(&session->relay.client);
    (void)session_end(session, "backend_reset");
}

static void on_backend_drained(void *owner)
{
    struct session *session = owner;
    session->last_heard_ms = session->loop->deadlines.now_ms; /* it was we who did not listen */
    relay_backend_drained(&session->relay);
}

static enum alive start_dial(struct session *session)
{
    static const struct dial_events dial_events = {on_connected, on_unreachable, on_given_up};
    static const struct endpoint_events backend_events = {
        lend_plaintext, on_backend_data, on_backend_end, on_backend_failure, on_backend_drained};
    struct session_handover *handover = session->handover;
    const char *client_id = session->record.client_id;
    const struct identity_certificate *certificate = session->record.certificate;
    bool is_named = certificate != NULL && certificate->common_name[0] != '\0';
    uint64_t now_ms = session->loop->deadlines.now_ms;
    uint64_t timeout_ms = session->pool->config->connect_timeout_ms;
    timer_clear(&session->deadline); /* the dial has its own */
    dial_start(&(struct dial_request){.loop = session->loop,
                                      .pool = session->pool,
                                      .client_id = span_of(client_id == NULL ? "" : client_id),
                                      .identity = is_named ? certificate->common_name : NULL,
                                      .tried = handover->tried,
                                      .timeout_ms = handover->ends_ms == 0
                                                        ? timeout_ms
                                                        : handover->ends_ms - now_ms,
                                      .events = &dial_events,
                                      .endpoint_events = &backend_events,
                                      .owner = session},
               &session->dial);
    return GONE; /* or not: a dial may have ended the session already, so nobody may look */
}

enum alive session_dial(struct session *session, size_t backend)
{
    struct mqtt_frame connect;
    if (backend == SIZE_MAX)
        return session_refuse(session, REFUSAL_NO_BACKEND, "no backend is configured");
    session->pool = &session->snapshot->pools[backend];
    session->record.backend = session->pool->config->name;
    session->handover = calloc(1, sizeof *session->handover + session->pool->count);
    if (session->handover == NULL ||
        mqtt_frame_decode(&connect, session->early, session->early_length) != MQTT_OK)
        return session_refuse(session, REFUSAL_BUSY, "");
    session->handover->connect_length = connect.header_length + connect.remaining_length;
    session_enter(session, DIALLING);
    return start_dial(session);
}

/* In its place if the backend is the same, where it may know other servers; else as who comes now.
 */
void session_wait_anew(struct session *session, size_t backend)
{
    struct snapshot *snapshot = session->list->snapshot;
    struct session_handover *before = session->handover;
    if (backend == SIZE_MAX || !dial_waits(session->dial)) return;
    struct pool *pool = &snapshot->pools[backend];
    bool stays_in_line = pool->queue == session->pool->queue;
    if (pool == session->pool) return;
    struct session_handover *handover = calloc(1, sizeof *handover + pool->count);
    if (handover == NULL || (stays_in_line && !dial_move(session->dial, pool, handover->tried))) {
        free(handover); /* it goes on as it was */
        return;
    }
    if (!stays_in_line) dial_cancel(&session->dial);
    handover->ends_ms = stays_in_line ? before->ends_ms : 0;
    handover->connect_length = before->connect_length;
    handover->client_ended = before->client_ended;
    free(before);
    session->handover = handover;
    session->pool = pool;
    session->record.backend = pool->config->name;
    struct snapshot *left = session->other;
    session->other = snapshot_ref(snapshot);
    snapshot_unref(left);
    if (!stays_in_line) (void)start_dial(session); /* nothing follows here */
}

/* In the place of on_backend_data when the session is to end where a packet does. */
static void on_last_data(void *owner, size_t length)
{
    struct session *session = owner;
    struct span data = {session->loop->plaintext, length};
    data.length = packets_until_boundary(&session->relay.from_backend, data);
    if (session_to_client(session, data) == ALIVE &&
        packets_at_boundary(&session->relay.from_backend))
        (void)session_let_go(session); /* nothing follows here */
}

void session_await_boundary(struct session *session)
{
    static const struct endpoint_events last_events = {lend_plaintext, on_last_data, on_backend_end,
                                                       on_backend_failure, on_backend_drained};
    session->relay.backend->events = &last_events;
}
