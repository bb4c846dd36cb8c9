// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mqtt/connack.h"
#include "mqtt/connect.h"
#include "mqtt/disconnect.h"
#include "mqtt/frame.h"
#include "mqtt/reason.h"
#include "proxy/access_log.h"
#include "proxy/backend/dial.h"
#include "proxy/client_hello.h"
#include "proxy/endpoint.h"
#include "proxy/policy.h"
#include "proxy/refusal.h"
#include "proxy/relay.h"
#include "proxy/tls/record_gate.h"

enum {
    CLOSE_TIMEOUT_MS = 2000,       /* for a refused client to read its refusal and go */
    HALF_CLOSE_TIMEOUT_MS = 10000, /* for the other side, when one has ended */
    CONNACK_TIMEOUT_MS = 30000,    /* for a broker to answer an admitted CONNECT */
    LARGEST_CONNACK = 65536
};

/* A stage is named by what it awaits. */
enum stage {
    AWAIT_CLIENT_HELLO,
    HANDSHAKING,
    AWAIT_CONNECT,
    DIALLING,
    AWAIT_CONNACK,
    RELAYING,
    HALF_CLOSED,
    CLOSING
};

/* Whether the session still exists after a step; who is told GONE returns at once. */
enum alive { GONE, ALIVE };

struct session {
    struct session *next;
    struct session **link;
    struct session_list *list;
    struct loop *loop;
    struct snapshot *snapshot;
    struct snapshot_listener *listener;
    enum stage stage;
    struct timer deadline;
    uint64_t last_heard_ms;
    struct dial *dial;
    struct pool *pool;
    struct relay relay;
    uint8_t *held; /* ciphertext of a record that is not whole yet */
    size_t held_length;
    uint8_t *early; /* plaintext: the CONNECT and what came with it; then a CONNACK in pieces */
    size_t early_length;
    struct access_record record;
    bool over_limit;
    bool problem_information;
};

static enum alive read_client_hello(struct session *session, size_t length);
static enum alive read_handshake(struct session *session, size_t length);
static enum alive read_connect(struct session *session, size_t length);
static enum alive read_relayed(struct session *session, size_t length);
static enum alive discard(struct session *session, size_t length);

#define FROM(stage) (1U << (stage))

static const struct {
    /* what a client's bytes, in the loop's ciphertext buffer, go to */
    enum alive (*read)(struct session *session, size_t length);
    unsigned entered_from;
} stages[] = {
    [AWAIT_CLIENT_HELLO] = {read_client_hello, 0,                                                        "handshake_timeout" },
    [HANDSHAKING] = {read_handshake,    FROM(AWAIT_CLIENT_HELLO),                                 "handshake_timeout" },
    [AWAIT_CONNECT] = {read_connect,      FROM(HANDSHAKING),                                        "connect_timeout"   },
    [DIALLING] = {read_relayed,      FROM(AWAIT_CONNECT),                                      NULL                },
    [AWAIT_CONNACK] = {read_relayed,      FROM(DIALLING),                                           NULL                },
    [RELAYING] = {read_relayed,      FROM(AWAIT_CONNACK),                                      "keep_alive_timeout"},
    [HALF_CLOSED] = {read_relayed,      FROM(AWAIT_CONNACK) | FROM(RELAYING),                     "closed"            },
    [CLOSING] = {discard,
                            FROM(AWAIT_CONNECT) | FROM(DIALLING) | FROM(AWAIT_CONNACK) | FROM(RELAYING), NULL                },
};

static void on_deadline(struct timer *timer);

static void enter(struct session *session, enum stage stage)
{
    assert(stages[stage].entered_from & FROM(session->stage));
    session->stage = stage;
}

static void set_deadline(struct session *session, uint64_t delay_ms)
{
    timer_set(&session->loop->deadlines, &session->deadline, delay_ms, on_deadline);
}

/* ------------------------------------------------------------------------------- the end of it */

static void release(struct session *session)
{
    timer_clear(&session->deadline);
    dial_cancel(&session->dial);
    endpoint_close(&session->relay.client);
    endpoint_close(&session->relay.backend);
    tls_stream_free(session->relay.tls);
    free(session->held);
    drop_early(session);
    access_record_clear(&session->record);
    if (session->link != NULL) {
        *session->link = session->next;
        if (session->next != NULL) session->next->link = session->link;
        session->list->count--;
    }
    snapshot_unref(session->snapshot);
    free(session);
}

/* Ends the session now; `reason` is a constant word, kept if an earlier step gave none. */
static enum alive end(struct session *session, const char *reason)
{
    struct access_record *record = &session->record;
    if (record->reason == NULL) record->reason = reason;
    atomic_fetch_sub_explicit(&session->listener->connections, 1, memory_order_relaxed);
    if (record->server_index >= 0)
        atomic_fetch_sub_explicit(&session->pool->servers[record->server_index].connections, 1,
                                  memory_order_relaxed);
    if (session->snapshot->config->log.access && record->tls.version != 0)
        access_log(record, &session->relay, clock_monotonic_ms());
    release(session);
    return GONE;
}

/* Says goodbye to a client that has been told why: close_notify, FIN, then whatever it still sends
 * is thrown away, for a reset would destroy what it has not read yet. */
static enum alive close_gently(struct session *session)
{
    dial_cancel(&session->dial);
    endpoint_close(&session->relay.backend);
    if (!relay_end_to_client(&session->relay)) return end(session, "client_reset");
    enter(session, CLOSING);
    set_deadline(session, CLOSE_TIMEOUT_MS);
    endpoint_resume(session->relay.client);
    return ALIVE;
}

/* The alert, if there is one, is sent already. */
static enum alive fail_handshake(struct session *session, const char *reason, const char *sentence)
{
    access_log_failed_handshake(&session->record, reason, sentence);
    session->record.reason = reason;
    return close_gently(session);
}

static enum alive refuse(struct session *session, enum refusal refusal, const char *detail)
{
    uint8_t packet[REFUSAL_LARGEST_PACKET];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    if (detail[0] == '\0') detail = refusal_sentence(refusal);
    refusal_encode(&out, refusal, session->record.mqtt_version, detail,
                   session->problem_information);
    session->record.reason = refusal_word(refusal);
    access_log_refused(&session->record, detail);
    if (!tls_stream_write(session->relay.tls, &session->loop->tls,
                          (struct span){packet, out.length}))
        return end(session, "client_reset");
    return close_gently(session);
}

/* An established MQTT 5 client is told why its session ends, where a packet may begin. */
static enum alive disconnect(struct session *session, uint8_t code, const char *reason)
{
    uint8_t packet[8];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    session->record.reason = reason;
    if (session->record.mqtt_version == MQTT_5 && !session->relay.backend_ended &&
        packets_at_boundary(&session->relay.from_backend)) {
        mqtt_disconnect_encode(&out, MQTT_5, &(struct mqtt_disconnect){.code = code});
        if (!relay_to_client(&session->relay, (struct span){packet, out.length}))
            return end(session, reason);
    }
    return close_gently(session);
}

/* ------------------------------------------------------------------------------- TLS handshake */

/* Keeps what is not a whole record yet until more comes. */
static bool hold(struct session *session, const uint8_t *data, size_t length)
{
    if (length == 0) return true;
    session->held = malloc(length);
    if (session->held == NULL) return false;
    memcpy(session->held, data, length);
    session->held_length = length;
    return true;
}

static void send_alert(struct session *session, uint8_t description)
{
    const uint8_t alert[] = {21, 3, 3, 0, 2, 2, description}; /* fatal (RFC 8446, 6) */
    if (!endpoint_write(session->relay.client, (struct span){alert, sizeof alert}))
        session->record.reason = "client_reset";
}

static enum alive choose_context(struct session *session, const struct client_hello *hello)
{
    enum { UNRECOGNIZED_NAME = 112, INTERNAL_ERROR = 80 };
    struct tls_context_set *set = session->listener->tls[session->loop->number];
    if (hello->server_name[0] != '\0') session->record.server_name = strdup(hello->server_name);
    struct tls_context *context = tls_context_set_choose(set, hello);
    if (context == NULL) {
        send_alert(session, UNRECOGNIZED_NAME);
        return fail_handshake(session, "unknown_server_name",
                              "client asked for a server name that no certificate here has");
    }
    session->relay.tls = tls_stream_new(context, hello->offers_alpn);
    if (session->relay.tls == NULL) {
        send_alert(session, INTERNAL_ERROR);
        return fail_handshake(session, "out_of_memory", "out of memory");
    }
    session->relay.tls = session->tls;
    return ALIVE;
}

static enum alive read_client_hello(struct session *session, size_t length)
{
    enum { DECODE_ERROR = 50 };
    struct client_hello hello;
    const uint8_t *data = session->loop->ciphertext;
    switch (client_hello_read(&hello, data, length)) {
    case CLIENT_HELLO_OK:
        if (choose_context(session, &hello) == GONE) return GONE;
        enter(session, HANDSHAKING);
        return read_handshake(session, length);
    case CLIENT_HELLO_NEED_MORE:
        return hold(session, data, length) ? ALIVE : end(session, "out_of_memory");
    case CLIENT_HELLO_NOT_TLS:
        return fail_handshake(session, "not_tls", client_hello_looks_like(data, length));
    case CLIENT_HELLO_TOO_LARGE:
    case CLIENT_HELLO_MALFORMED:
        break;
    }
    send_alert(session, DECODE_ERROR);
    return fail_handshake(session, "bad_client_hello", "the ClientHello cannot be read");
}

static void remember_handshake(struct session *session)
{
    session->record.tls = tls_stream_facts(session->relay.tls);
    session->record.certificate = tls_stream_take_identity(session->relay.tls);
}

static enum alive read_handshake(struct session *session, size_t length)
{
    bool broken = false;
    struct tls_io *io = &session->loop->tls;
    const uint8_t *data = session->loop->ciphertext;
    size_t whole = tls_record_gate(data, length, &broken);
    io->in = bytes_of(data, whole);
    enum tls_status status = tls_stream_handshake(session->relay.tls, io);
    bool sent = relay_flush(&session->relay);
    if (status == TLS_FAILED) {
        struct tls_failure failure = tls_stream_failure(session->relay.tls);
        return fail_handshake(session, failure.reason, failure.sentence);
    }
    if (!sent) return end(session, "client_reset");
    if (status != TLS_OK)
        return hold(session, data + whole, length - whole) ? ALIVE : end(session, "out_of_memory");
    remember_handshake(session);
    enter(session, AWAIT_CONNECT);
    set_deadline(session, session->listener->config->limits.connect_timeout_ms);
    size_t left = bytes_left(&io->in) + (length - whole);
    memmove(session->loop->ciphertext, data + length - left, left);
    return left == 0 ? ALIVE : read_connect(session, left);
}

/* ------------------------------------------------------------------- CONNECT, and the decision */

static enum alive on_client_end(struct session *session);

/* Decrypts the loop's ciphertext into the loop's plaintext; what is not a whole record is held. */
static enum alive decrypt(struct session *session, size_t length, struct span *plaintext,
                          bool *peer_closed)
{
    bool broken = false;
    struct tls_io *io = &session->loop->tls;
    const uint8_t *data = session->loop->ciphertext;
    size_t whole = tls_record_gate(data, length, &broken);
    struct bytes_writer out = bytes_writer_of(session->loop->plaintext, LOOP_BUFFER_BYTES);
    io->in = bytes_of(data, whole);
    enum tls_status status = tls_stream_read(session->relay.tls, io, &out);
    if (!relay_flush(&session->relay)) return end(session, "client_reset");
    if (status == TLS_FAILED) return end(session, tls_stream_failure(session->relay.tls).reason);
    if (!hold(session, data + whole, length - whole)) return end(session, "out_of_memory");
    *peer_closed = status == TLS_PEER_CLOSED;
    *plaintext = (struct span){out.data, out.length};
    return ALIVE;
}

static bool keep_early(struct session *session, struct span more)
{
    uint8_t *grown = realloc(session->early, session->early_length + more.length);
    if (grown == NULL) return more.length == 0;
    memcpy(grown + session->early_length, more.data, more.length);
    session->early = grown;
    session->early_length += more.length;
    return true;
}

static void drop_early(struct session *session)
{
    explicit_bzero(session->early, session->early_length); /* a CONNECT holds a password */
    free(session->early);
    session->early = NULL;
    session->early_length = 0;
}

static enum alive refuse_status(struct session *session, enum mqtt_status status)
{
    switch (status) {
    case MQTT_VERSION_NOT_SPOKEN:
        return refuse(session, REFUSAL_VERSION_NOT_SPOKEN, "");
    case MQTT_CLIENT_ID_INVALID:
        return refuse(session, REFUSAL_CLIENT_ID_INVALID, "");
    case MQTT_TOO_LARGE:
        return refuse(session, REFUSAL_CONNECT_TOO_LARGE, "");
    case MQTT_PROTOCOL_ERROR:
        return refuse(session, REFUSAL_PROTOCOL_ERROR, "");
    case MQTT_OK:
    case MQTT_NEED_MORE:
    case MQTT_MALFORMED:
        break;
    }
    return refuse(session, REFUSAL_MALFORMED, "");
}

static void remember_connect(struct session *session, const struct mqtt_connect *connect)
{
    struct access_record *record = &session->record;
    record->client_id = strndup((const char *)connect->client_id.data, connect->client_id.length);
    if (connect->has_username)
        record->username = strndup((const char *)connect->username.data, connect->username.length);
    record->mqtt_version = connect->version;
    record->keep_alive_s = connect->keep_alive_s;
    session->problem_information = connect->request_problem_information;
}

static struct decision judge(const struct session *session, const struct mqtt_connect *connect)
{
    const struct config *config = session->snapshot->config;
    const struct access_record *record = &session->record;
    size_t policy = session->listener->config->policy;
    struct facts facts = {
        .source = record->source.address,
        .tls_version = record->tls.version,
        .server_name = span_of(record->server_name == NULL ? "" : record->server_name),
        .certificate = record->certificate,
        .mqtt_version = connect->version,
        .client_id = connect->client_id,
        .username = connect->username,
        .has_username = connect->has_username,
    };
    return policy_decide(policy == SIZE_MAX ? NULL : &config->policies[policy], &facts, time(NULL));
}

static enum alive dial(struct session *session, size_t backend);

static enum alive decide(struct session *session, size_t packet_length)
{
    struct mqtt_connect connect;
    enum mqtt_status status = mqtt_connect_decode(&connect, session->early, packet_length);
    session->record.mqtt_version = connect.version;
    if (status != MQTT_OK) return refuse_status(session, status);
    remember_connect(session, &connect);
    if (session->list->draining) return refuse(session, REFUSAL_DRAINING, "");
    if (session->over_limit) return refuse(session, REFUSAL_TOO_MANY_CONNECTIONS, "");
    struct decision decision = judge(session, &connect);
    session->record.rule = decision.rule == NULL ? NULL : decision.rule->name;
    if (!decision.admitted) return refuse(session, decision.refusal, decision.detail);
    return dial(session, decision.backend == SIZE_MAX ? session->listener->config->backend
                                                      : decision.backend);
}

static enum alive read_connect(struct session *session, size_t length)
{
    struct span plaintext = {NULL, 0};
    bool peer_closed = false;
    size_t packet_length = 0;
    enum mqtt_version version = 0;
    if (decrypt(session, length, &plaintext, &peer_closed) == GONE) return GONE;
    if (!keep_early(session, plaintext)) return end(session, "out_of_memory");
    if (session->early_length == 0) return peer_closed ? end(session, "client_closed") : ALIVE;
    enum mqtt_status status = mqtt_connect_peek(session->early, session->early_length,
                                                session->listener->config->limits.max_connect_size,
                                                &packet_length, &version);
    session->record.mqtt_version = version;
    if (status == MQTT_OK) return decide(session, packet_length);
    if (status != MQTT_NEED_MORE) return refuse_status(session, status);
    return peer_closed ? end(session, "client_closed") : ALIVE;
}

/* --------------------------------------------------------------------------------- the backend */

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
    (void)refuse(session, REFUSAL_NO_BACKEND, ""); /* nothing follows here */
}

/* The CONNECT, and whatever the client sent right behind it, goes to the broker in one write. */
static void on_connected(void *owner, struct endpoint *endpoint, int server)
{
    struct session *session = owner;
    session->relay.backend = endpoint;
    session->record.server_index = server;
    session->record.server = server_name(session, server);
    atomic_fetch_add_explicit(&session->pool->servers[server].connections, 1, memory_order_relaxed);
    enter(session, AWAIT_CONNACK);
    set_deadline(session, CONNACK_TIMEOUT_MS);
    struct span early = {session->early, session->early_length};
    bool sent = relay_to_backend(&session->relay, early);
    drop_early(session);
    if (!sent) {
        (void)refuse(session, REFUSAL_NO_BACKEND, "the broker closed the connection");
        return;
    }
    endpoint_resume(session->relay.backend);
    if (session->relay.backend->pending == 0) endpoint_resume(session->relay.client);
}

static uv_buf_t lend_plaintext(void *owner);
static void on_backend_data(void *owner, size_t length);
static void on_backend_end(void *owner);
static void on_backend_failure(void *owner, int error);
static void on_backend_drained(void *owner);

static enum alive dial(struct session *session, size_t backend)
{
    static const struct dial_events dial_events = {on_connected, on_unreachable, on_given_up};
    static const struct endpoint_events backend_events = {
        lend_plaintext, on_backend_data, on_backend_end, on_backend_failure, on_backend_drained};
    if (backend == SIZE_MAX) return refuse(session, REFUSAL_NO_BACKEND, "no backend is configured");
    endpoint_pause(session->relay.client); /* what comes now waits in the kernel */
    timer_clear(&session->deadline);       /* the dial has its own */
    enter(session, DIALLING);
    session->pool = &session->snapshot->pools[backend];
    session->record.backend = session->pool->config->name;
    const char *client_id = session->record.client_id;
    dial_start(&(struct dial_request){.loop = session->loop,
                                      .pool = session->pool,
                                      .client_id = span_of(client_id == NULL ? "" : client_id),
                                      .events = &dial_events,
                                      .endpoint_events = &backend_events,
                                      .owner = session},
               &session->dial);
    return GONE; /* or not: a dial may have ended the session already, so nobody may look */
}

/* ------------------------------------------------------------------------------------- CONNACK */

/* A broker may ask MQTT 5 clients for another keep alive than theirs (MQTT 5, 3.2.2.3.14). */
static void read_connack(struct session *session, const uint8_t *packet, size_t length)
{
    struct mqtt_connack connack;
    if (mqtt_connack_decode(&connack, session->record.mqtt_version, packet, length) != MQTT_OK)
        return;
    session->record.connack = connack.code;
    session->record.keep_alive_s = mqtt_connack_keep_alive(&connack, session->record.keep_alive_s);
}

static uint64_t idle_limit_ms(const struct session *session)
{
    const struct config_limits *limits = &session->listener->config->limits;
    switch (limits->idle) {
    case CONFIG_IDLE_KEEP_ALIVE:
        return (uint64_t)session->record.keep_alive_s * 1500;
    case CONFIG_IDLE_FIXED:
        return limits->idle_timeout_ms;
    case CONFIG_IDLE_OFF:
        break;
    }
    return 0;
}

static void start_relaying(struct session *session)
{
    enter(session, RELAYING);
    session->last_heard_ms = session->loop->deadlines.now_ms;
    uint64_t limit_ms = idle_limit_ms(session);
    if (limit_ms == 0)
        timer_clear(&session->deadline);
    else
        set_deadline(session, limit_ms);
}

static enum alive refuse_backend(struct session *session, const char *why)
{
    access_log_backend(&session->record, "backend failed", session->record.server, why);
    return refuse(session, REFUSAL_NO_BACKEND, "");
}

/* Waits for the broker's first packet, so that a broker that is none, or dies now, can still be
 * told to the client by a CONNACK of ours. */
static enum alive await_connack(struct session *session, struct span data)
{
    struct mqtt_frame frame;
    if (!keep_early(session, data)) return end(session, "out_of_memory");
    enum mqtt_status status = mqtt_frame_decode(&frame, session->early, session->early_length);
    if (status == MQTT_NEED_MORE) return ALIVE;
    if (status != MQTT_OK || (frame.type != MQTT_CONNACK && frame.type != MQTT_AUTH) ||
        frame.remaining_length > LARGEST_CONNACK)
        return refuse_backend(session, "it answered with something that is no CONNACK");
    size_t length = frame.header_length + frame.remaining_length;
    if (session->early_length < length) return ALIVE;
    if (frame.type == MQTT_CONNACK) read_connack(session, session->early, length);
    start_relaying(session);
    struct span early = {session->early, session->early_length};
    if (!relay_to_client(&session->relay, early)) return end(session, "client_reset");
    drop_early(session);
    return ALIVE;
}

/* ------------------------------------------------------------------------------------- relaying */

static enum alive read_relayed(struct session *session, size_t length)
{
    struct span plaintext = {NULL, 0};
    bool peer_closed = false;
    if (decrypt(session, length, &plaintext, &peer_closed) == GONE) return GONE;
    session->last_heard_ms = session->loop->deadlines.now_ms;
    if (plaintext.length > 0 && !relay_to_backend(&session->relay, plaintext)) {
        endpoint_reset(&session->relay.client);
        return end(session, "backend_reset");
    }
    return peer_closed ? on_client_end(session) : ALIVE;
}

static enum alive discard(struct session *session, size_t length)
{
    (void)length;
    (void)session;
    return ALIVE;
}

/* One side is done: the other one has some time to finish. */
static enum alive half_close(struct session *session, const char *reason)
{
    if (session->relay.client_ended && session->relay.backend_ended) return end(session, reason);
    if (session->record.reason == NULL) session->record.reason = reason;
    if (session->stage != HALF_CLOSED) enter(session, HALF_CLOSED);
    set_deadline(session, HALF_CLOSE_TIMEOUT_MS);
    return ALIVE;
}

static enum alive on_client_end(struct session *session)
{
    switch (session->stage) {
    case AWAIT_CONNACK:
    case RELAYING:
    case HALF_CLOSED:
        if (session->relay.client_ended) return ALIVE;
        relay_end_to_backend(&session->relay);
        endpoint_pause(session->relay.client);
        return half_close(session, "client_closed");
    case AWAIT_CLIENT_HELLO:
    case HANDSHAKING:
        if (session->held_length > 0 || session->stage == HANDSHAKING)
            return fail_handshake(session, "client_closed",
                                  "client closed the connection in the handshake");
        return end(session, "client_closed");
    case AWAIT_CONNECT:
    case DIALLING:
    case CLOSING:
        break;
    }
    return end(session, "client_closed");
}

/* ------------------------------------------------------------------------- what the loop calls */

static uv_buf_t lend_ciphertext(void *owner)
{
    struct session *session = owner;
    uint8_t *buffer = session->loop->ciphertext;
    if (session->held_length > 0) memcpy(buffer, session->held, session->held_length);
    return uv_buf_init((char *)buffer + session->held_length,
                       (unsigned)(LOOP_BUFFER_BYTES - session->held_length));
}

static void on_client_data(void *owner, size_t length)
{
    struct session *session = owner;
    length += session->held_length;
    free(session->held);
    session->held = NULL;
    session->held_length = 0;
    (void)stages[session->stage].read(session, length); /* nothing follows here */
}

static void on_client_eof(void *owner)
{
    (void)on_client_end(owner); /* nothing follows here */
}

static void on_client_failure(void *owner, int error)
{
    struct session *session = owner;
    if (session->stage == AWAIT_CLIENT_HELLO || session->stage == HANDSHAKING) {
        (void)fail_handshake(session, "client_reset", uv_strerror(error));
        return;
    }
    endpoint_reset(&session->relay.backend);
    (void)end(session, "client_reset");
}

static void on_client_drained(void *owner)
{
    struct session *session = owner;
    relay_client_drained(&session->relay);
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
    else if (!relay_to_client(&session->relay, data))
        (void)end(session, "client_reset");
}

static void on_backend_end(void *owner)
{
    struct session *session = owner;
    if (session->stage == AWAIT_CONNACK) {
        (void)refuse_backend(session, "it closed the connection without a CONNACK");
    } else if (!relay_end_to_client(&session->relay)) {
        (void)end(session, "client_reset");
    } else {
        (void)half_close(session, "backend_closed");
    }
}

static void on_backend_failure(void *owner, int error)
{
    struct session *session = owner;
    if (session->stage == AWAIT_CONNACK) {
        (void)refuse_backend(session, uv_strerror(error));
        return;
    }
    endpoint_reset(&session->relay.client);
    (void)end(session, "backend_reset");
}

static void on_backend_drained(void *owner)
{
    struct session *session = owner;
    relay_backend_drained(&session->relay);
}

/* A client that has been heard since has its deadline moved, so that traffic costs no timer. */
static void on_idle(struct session *session)
{
    uint64_t limit_ms = idle_limit_ms(session);
    uint64_t silent_ms = session->loop->deadlines.now_ms - session->last_heard_ms;
    if (silent_ms < limit_ms)
        set_deadline(session, limit_ms - silent_ms);
    else
        (void)disconnect(session, MQTT_REASON_KEEP_ALIVE_TIMEOUT, "keep_alive_timeout");
}

static void on_deadline(struct timer *timer)
{
    struct session *session = CONTAINER_OF(timer, struct session, deadline);
    switch (session->stage) {
    case AWAIT_CLIENT_HELLO:
    case HANDSHAKING:
        (void)fail_handshake(session, "handshake_timeout",
                             "client did not finish the handshake within handshake_timeout");
        return;
    case AWAIT_CONNACK:
        (void)refuse_backend(session, "it did not answer the CONNECT in time");
        return;
    case RELAYING:
        on_idle(session);
        return;
    case AWAIT_CONNECT:
        session->record.reason = "connect_timeout";
        (void)close_gently(session);
        return;
    case DIALLING:
    case HALF_CLOSED:
    case CLOSING:
        break;
    }
    (void)end(session, "closed");
}

/* --------------------------------------------------------------------------- the beginning of it
 */

static void enlist(struct session *session, struct session_list *list)
{
    session->list = list;
    session->next = list->first;
    session->link = &list->first;
    if (list->first != NULL) list->first->link = &session->next;
    list->first = session;
    list->count++;
}

static void count_connection(struct session *session)
{
    uint64_t before = atomic_fetch_add_explicit(&session->listener->connections, 1,
                                                memory_order_relaxed);
    session->over_limit = before >= session->listener->config->limits.max_connections;
}

void session_accept(const struct session_origin *origin, uv_stream_t *server, bool is_unix)
{
    static const struct endpoint_events client_events = {
        lend_ciphertext, on_client_data, on_client_eof, on_client_failure, on_client_drained};
    struct session *session = calloc(1, sizeof *session);
    struct endpoint *client =
        session == NULL ? NULL : endpoint_new(&origin->loop->uv, is_unix, &client_events, session);
    if (client == NULL || uv_accept(server, &client->uv.stream) != 0) {
        endpoint_close(&client);
        free(session);
        log_note(LOG_ERROR, "a connection was lost: out of memory");
        return;
    }
    session->loop = origin->loop;
    session->snapshot = snapshot_ref(origin->snapshot);
    session->listener = &origin->snapshot->listeners[origin->listener];
    session->relay = (struct relay){.io = &origin->loop->tls, .client = client};
    session->problem_information = true;
    enlist(session, origin->list);
    count_connection(session);
    access_record_init(&session->record, session->listener->config->name, client,
                       clock_monotonic_ms());
    endpoint_tune(client);
    set_deadline(session, session->listener->config->limits.handshake_timeout_ms);
    endpoint_resume(client);
}

void session_list_drain(struct session_list *list)
{
    list->draining = true;
}

void session_list_end(struct session_list *list)
{
    struct session *next = NULL;
    for (struct session *session = list->first; session != NULL; session = next) {
        next = session->next;
        if (session->stage == RELAYING)
            (void)disconnect(session, MQTT_REASON_SERVER_SHUTTING_DOWN, "draining");
        else if (session->stage != CLOSING)
            (void)end(session, "draining");
    }
}
