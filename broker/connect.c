// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/connect.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/log.h"
#include "broker/client.h"
#include "broker/internal.h"
#include "broker/leave.h"
#include "broker/receive.h"
#include "broker/send.h"
#include "broker/topic_aliases.h"
#include "mqtt/connect.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/reason.h"

static void log_client(enum log_level level, const char *message, struct span id,
                       enum mqtt_version version, uint8_t reason)
{
    struct log_line line;
    log_begin(&line, level, message);
    log_span(&line, "client_id", id);
    if (version != 0) log_number(&line, "mqtt", version);
    if (reason != 0) log_number(&line, "reason", reason);
    log_end(&line);
}

void connect_logged_in(struct client *client, enum login_state answer)
{
    client->answered = (uint8_t)answer;
    client_touch(client); /* which reads the CONNECT again */
}

static void refuse(struct client *client, enum mqtt_version version, struct span id, uint8_t code)
{
    const struct mqtt_connack connack = {.code = code};
    log_client(LOG_INFO, "client refused", id, version, code);
    (void)send_connack(client, version, &connack); /* or nothing but the close */
    client_end(client);
}

/* What is no acceptable CONNECT. Where its version cannot be read or has no code: a close. A level
 * that nobody speaks yet is answered in the newest form. */
static void refuse_status(struct client *client, enum mqtt_version version, enum mqtt_status status)
{
    const struct span nobody = {0};
    bool v5 = version >= MQTT_5;
    uint8_t code = 0;
    if (status == MQTT_VERSION_NOT_SPOKEN)
        code = v5 ? MQTT_REASON_UNSUPPORTED_PROTOCOL_VERSION
                  : MQTT_RETURN_UNACCEPTABLE_PROTOCOL_VERSION;
    else if (status == MQTT_CLIENT_ID_INVALID && !v5)
        code = MQTT_RETURN_IDENTIFIER_REJECTED;
    else if (v5)
        code = receive_reason(status);
    if (code == 0)
        client_close(client);
    else
        refuse(client, v5 ? MQTT_5 : MQTT_3_1_1, nobody, code);
}

/* A code for what this broker does not do, or 0. */
static uint8_t not_supported(const struct broker *broker, const struct mqtt_connect *connect)
{
    bool v5 = connect->version == MQTT_5;
    if (connect->authentication_method.length != 0) return MQTT_REASON_BAD_AUTHENTICATION_METHOD;
    if (!connect->will.present) return 0;
    if (topic_levels_count(connect->will.topic) > TOPIC_LEVELS_MAX)
        return v5 ? MQTT_REASON_TOPIC_NAME_INVALID : MQTT_RETURN_NOT_AUTHORIZED;
    if (connect->will.retain && !broker->limits.retain && v5)
        return MQTT_REASON_RETAIN_NOT_SUPPORTED;
    return 0;
}

enum {
    ASSIGNED_ID_BYTES = 16,
    ASSIGNED_ID_ROOM = sizeof "postern-" + (size_t)2 * ASSIGNED_ID_BYTES
};

static struct span assign_id(char out[ASSIGNED_ID_ROOM])
{
    uint8_t random[ASSIGNED_ID_BYTES];
    CHECK(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    int length = snprintf(out, ASSIGNED_ID_ROOM, "postern-");
    for (size_t i = 0; i < sizeof random; i++)
        length += snprintf(out + length, ASSIGNED_ID_ROOM - (size_t)length, "%02x", random[i]);
    return span_of(out);
}

static uint64_t session_expiry_ms(const struct broker *broker, const struct mqtt_connect *connect)
{
    uint32_t before_5_s = connect->clean_start ? 0 : UINT32_MAX;
    bool v5 = connect->version == MQTT_5;
    return leave_limit_expiry(broker, v5 ? connect->session_expiry_interval_s : before_5_s);
}

static bool keep_will(struct broker *broker, struct session *session,
                      const struct mqtt_connect *connect)
{
    if (!connect->will.present) return true;
    struct message *message = message_new(connect->will.topic, connect->will.properties,
                                          connect->will.payload);
    if (message == NULL) return false;
    message->qos = connect->will.qos;
    message->retain = connect->will.retain && broker->limits.retain;
    message->publisher = session->number;
    return will_set(&session->will, session, message,
                    (uint64_t)connect->will.delay_interval_s * 1000);
}

/* The session for this CONNECT: resumed or new; NULL: there is no room. */
static struct session *open_session(struct broker *broker, const struct mqtt_connect *connect,
                                    struct span id, bool *resumed)
{
    struct session *session = session_find(&broker->sessions, id);
    if (session != NULL && session->client != NULL) {
        log_client(LOG_INFO, "client taken over", id, session->client->version, 0);
        leave_told(session->client, MQTT_REASON_SESSION_TAKEN_OVER);
        session = session_find(&broker->sessions, id); /* it may have ended with its connection */
    }
    if (session != NULL && connect->clean_start) {
        leave_end_session(broker, session);
        session = NULL;
    }
    *resumed = session != NULL;
    return session != NULL ? session : session_new(&broker->sessions, id);
}

static void count_connected(struct broker_counters *counters)
{
    counters->connections++;
    if (++counters->connected > counters->connected_most)
        counters->connected_most = counters->connected;
}

static void attach(struct client *client, struct session *session,
                   const struct mqtt_connect *connect)
{
    const struct broker_limits *limits = &client->broker->limits;
    session_keep(session);
    will_clear(&session->will);
    if (session->queue != NULL) queue_restart(session->queue);
    session->client = client;
    count_connected(&client->broker->counters);
    session->expiry_ms = session_expiry_ms(client->broker, connect);
    client->session = session;
    client->version = (uint8_t)connect->version;
    client->maximum_packet_size = connect->maximum_packet_size;
    client->receive_maximum = limits->receive_maximum;
    if (connect->version == MQTT_5 && connect->receive_maximum < limits->receive_maximum)
        client->receive_maximum = connect->receive_maximum;
    uint16_t aliases = connect->topic_alias_maximum;
    if (aliases > limits->topic_alias_maximum) aliases = limits->topic_alias_maximum;
    if (aliases != 0)
        client->sent_aliases = topic_aliases_new(aliases); /* no memory: goes without */
}

static uint16_t keep_alive_s(const struct broker *broker, const struct mqtt_connect *connect)
{
    uint16_t max_s = broker->limits.max_keep_alive_s;
    bool over = connect->keep_alive_s == 0 || connect->keep_alive_s > max_s;
    /* An older client cannot be told: it keeps what it asked for. */
    return connect->version == MQTT_5 && max_s != 0 && over ? max_s : connect->keep_alive_s;
}

/* MQTT 5, 3.2.2.3: what the client has to know, and what is not there. */
static void put_connack_properties(struct bytes_writer *out, const struct client *client,
                                   const struct mqtt_connect *connect, struct span assigned_id)
{
    const struct broker_limits *limits = &client->broker->limits;
    uint64_t expiry_ms = client->session->expiry_ms;
    uint16_t server_keep_alive_s = keep_alive_s(client->broker, connect);
    if (expiry_ms != UINT64_MAX && expiry_ms / 1000 != connect->session_expiry_interval_s) {
        bytes_put_u8(out, MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL);
        bytes_put_u32(out, (uint32_t)(expiry_ms / 1000));
    }
    bytes_put_u8(out, MQTT_PROPERTY_RECEIVE_MAXIMUM);
    bytes_put_u16(out, limits->receive_maximum);
    if (!limits->retain) {
        bytes_put_u8(out, MQTT_PROPERTY_RETAIN_AVAILABLE);
        bytes_put_u8(out, 0);
    }
    bytes_put_u8(out, MQTT_PROPERTY_MAXIMUM_PACKET_SIZE);
    bytes_put_u32(out, limits->max_packet_size);
    if (assigned_id.length != 0) {
        bytes_put_u8(out, MQTT_PROPERTY_ASSIGNED_CLIENT_IDENTIFIER);
        bytes_put_u16(out, (uint16_t)assigned_id.length);
        bytes_put(out, assigned_id.data, assigned_id.length);
    }
    bytes_put_u8(out, MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM);
    bytes_put_u16(out, limits->topic_alias_maximum);
    if (server_keep_alive_s != connect->keep_alive_s) {
        bytes_put_u8(out, MQTT_PROPERTY_SERVER_KEEP_ALIVE);
        bytes_put_u16(out, server_keep_alive_s);
    }
}

struct login_refusal {
    uint8_t reason;
    uint8_t return_code; /* before MQTT 5 */
    const char *why;
};

static const struct login_refusal login_refusals[] = {
    [LOGIN_WRONG] = {MQTT_REASON_BAD_USER_NAME_OR_PASSWORD, MQTT_RETURN_BAD_USER_NAME_OR_PASSWORD,
                     "wrong user name or password"            },
    [LOGIN_ANONYMOUS] = {MQTT_REASON_NOT_AUTHORIZED,            MQTT_RETURN_NOT_AUTHORIZED,
                     "a user name and a password are required"},
    [LOGIN_BUSY] = {MQTT_REASON_SERVER_BUSY,               MQTT_RETURN_SERVER_UNAVAILABLE,
                     "too many clients are logging in"        },
};

static void refuse_login(struct client *client, const struct mqtt_connect *connect,
                         enum login_state answer)
{
    const struct login_refusal *refusal = &login_refusals[answer];
    const struct mqtt_connack connack = {.code = connect->version == MQTT_5 ? refusal->reason
                                                                            : refusal->return_code};
    struct log_line line;
    log_begin(&line, LOG_INFO, "client refused");
    log_span(&line, "client_id", connect->client_id);
    if (connect->has_username) log_span(&line, "username", connect->username);
    log_number(&line, "mqtt", connect->version);
    log_number(&line, "reason", connack.code);
    log_text(&line, "why", refusal->why);
    log_end(&line);
    send_connack(client, connect->version, &connack);
    client_end(client);
}

/* Whether the client may go on, as it is: false, it has been refused or waits. */
static bool logged_in(struct client *client, const struct mqtt_connect *connect)
{
    enum login_state answer = client->answered;
    if (answer == LOGIN_UNKNOWN) answer = login_ask(client, connect);
    if (answer == LOGIN_WAITS)
        client_await_login(client);
    else if (answer != LOGIN_GRANTED)
        refuse_login(client, connect, answer);
    return answer == LOGIN_GRANTED;
}

static void log_connected(const struct client *client, const struct mqtt_connect *connect,
                          struct span id)
{
    const struct login_user *user = client->user;
    struct log_line line;
    log_begin(&line, LOG_DEBUG, "client connected");
    log_span(&line, "client_id", id);
    if (user != NULL)
        log_span(&line, user->verified ? "certificate" : "username",
                 (struct span){user->name, user->name_length});
    log_number(&line, "mqtt", connect->version);
    log_end(&line);
}

/* False: not yet, or never. */
static bool admit(struct client *client, const struct mqtt_connect *connect)
{
    struct broker *broker = client->broker;
    char assigned[ASSIGNED_ID_ROOM];
    uint8_t properties[64 + ASSIGNED_ID_ROOM];
    struct bytes_writer out = bytes_writer_of(properties, sizeof properties);
    bool v5 = connect->version == MQTT_5;
    bool assign = connect->client_id.length == 0;
    struct span id = assign ? assign_id(assigned) : connect->client_id;
    struct mqtt_connack connack = {0};
    uint8_t code = not_supported(broker, connect);
    if (code != 0) {
        refuse(client, connect->version, id, code);
        return false;
    }
    if (!logged_in(client, connect)) return false;
    struct session *session = open_session(broker, connect, id, &connack.session_present);
    if (session == NULL) {
        refuse(client, connect->version, id,
               v5 ? MQTT_REASON_QUOTA_EXCEEDED : MQTT_RETURN_SERVER_UNAVAILABLE);
        return false;
    }
    attach(client, session, connect);
    client->resumed = connack.session_present;
    client_connected(client, keep_alive_s(broker, connect) * 1500U);
    if (!keep_will(broker, session, connect)) {
        leave_lost(client);
        return false;
    }
    put_connack_properties(&out, client, connect, assign ? id : (struct span){0});
    assert(bytes_writer_ok(&out));
    if (v5) connack.properties = (struct span){properties, out.length};
    /* MQTT 3.1 has no session present flag, but a zero byte in its place (3.1, 3.2). */
    if (connect->version == MQTT_3_1) connack.session_present = false;
    if (!send_connack(client, connect->version, &connack)) {
        leave_lost(client);
        return false;
    }
    log_connected(client, connect, id);
    return true;
}

size_t connect_receive(struct client *client, const uint8_t *data, size_t length)
{
    struct mqtt_connect connect = {0};
    enum mqtt_version version = 0;
    size_t whole = 0;
    enum mqtt_status status = mqtt_connect_peek(
        data, length, client->broker->limits.max_packet_size, &whole, &version);
    if (status == MQTT_NEED_MORE) return 0;
    if (status == MQTT_OK) {
        status = mqtt_connect_decode(&connect, data, whole);
        version = connect.version;
    }
    if (status != MQTT_OK) {
        refuse_status(client, version, status);
        return 0;
    }
    return admit(client, &connect) ? whole : 0;
}
