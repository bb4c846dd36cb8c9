// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/connack.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "proxy/backend/dial.h"
#include "proxy/session_private.h"

enum { LARGEST_CONNACK = 65536 };

static const char *server_name(const struct session *session, int server)
{
    return pool_server_name(session->pool, server);
}

static void on_unreachable(void *owner, int server, const char *why)
{
    struct session *session = owner;
    access_log_backend(&session->record, "backend unreachable", server_name(session, server), why);
}

static void on_given_up(void *owner)
{
    struct session *session = owner;
    (void)session_refuse(session, REFUSAL_NO_BACKEND, ""); /* nothing follows here */
}

/* The CONNECT, and whatever the client sent right behind it, goes to the broker in one write. */
static void on_connected(void *owner, struct endpoint *endpoint, int server)
{
    struct session *session = owner;
    session->relay.backend = endpoint;
    session->record.server_index = server;
    session->record.server = server_name(session, server);
    atomic_fetch_add_explicit(&session->pool->servers[server].connections, 1, memory_order_relaxed);
    session_enter(session, AWAIT_CONNACK);
    session_set_deadline(session, session->pool->config->connack_timeout_ms);
    struct span early = {session->early, session->early_length};
    if (!session_introduce(session)) {
        (void)session_refuse(session, REFUSAL_BUSY, "");
        return;
    }
    if (session_to_backend(session, early) == GONE) return;
    session_drop_early(session);
    endpoint_resume(session->relay.backend);
    if (session->relay.backend->pending == 0) relay_backend_drained(&session->relay);
}

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

static void start_relaying(struct session *session)
{
    session_enter(session, RELAYING);
    session->last_heard_ms = session->loop->deadlines.now_ms;
    session_set_lifetime(session);
    session_note_admitted(session);
}

enum alive session_refuse_backend(struct session *session, const char *why)
{
    access_log_backend(&session->record, "backend failed", session->record.server, why);
    return session_refuse(session, REFUSAL_NO_BACKEND, "");
}

/* Waits for the broker's first packet, so that a broker that is none, or dies now, can still be
 * told to the client by a CONNACK of ours. */
static enum alive await_connack(struct session *session, struct span data)
{
    struct mqtt_frame frame;
    if (!session_keep_early(session, data)) return session_end(session, "out_of_memory");
    enum mqtt_status status = mqtt_frame_decode(&frame, session->early, session->early_length);
    if (status == MQTT_NEED_MORE) return ALIVE;
    if (status != MQTT_OK || (frame.type != MQTT_CONNACK && frame.type != MQTT_AUTH) ||
        frame.remaining_length > LARGEST_CONNACK)
        return session_refuse_backend(session, "it answered with something that is no CONNACK");
    size_t length = frame.header_length + frame.remaining_length;
    if (session->early_length < length) return ALIVE;
    if (frame.type == MQTT_CONNACK) read_connack(session, session->early, length);
    start_relaying(session);
    struct span early = {session->early, session->early_length};
    if (session_to_client(session, early) == GONE) return GONE;
    session_drop_early(session);
    return ALIVE;
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
        (void)session_refuse_backend(session, "it closed the connection without a CONNACK");
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
        (void)session_refuse_backend(session, uv_strerror(error));
        return;
    }
    endpoint_reset(&session->relay.client);
    (void)session_end(session, "backend_reset");
}

static void on_backend_drained(void *owner)
{
    struct session *session = owner;
    relay_backend_drained(&session->relay);
}

enum alive session_dial(struct session *session, size_t backend)
{
    static const struct dial_events dial_events = {on_connected, on_unreachable, on_given_up};
    static const struct endpoint_events backend_events = {
        lend_plaintext, on_backend_data, on_backend_end, on_backend_failure, on_backend_drained};
    if (backend == SIZE_MAX)
        return session_refuse(session, REFUSAL_NO_BACKEND, "no backend is configured");
    timer_clear(&session->deadline); /* the dial has its own */
    session_enter(session, DIALLING);
    session->pool = &session->snapshot->pools[backend];
    session->record.backend = session->pool->config->name;
    const char *client_id = session->record.client_id;
    const struct identity_certificate *certificate = session->record.certificate;
    bool is_named = certificate != NULL && certificate->common_name[0] != '\0';
    bool lasts = dial_start(
        &(struct dial_request){.loop = session->loop,
                               .pool = session->pool,
                               .client_id = span_of(client_id == NULL ? "" : client_id),
                               .identity = is_named ? certificate->common_name : NULL,
                               .events = &dial_events,
                               .endpoint_events = &backend_events,
                               .owner = session},
        &session->dial);
    if (lasts) endpoint_pause(session->relay.client); /* what comes now waits in the kernel */
    return GONE; /* or not: a dial may have ended the session already, so nobody may look */
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
