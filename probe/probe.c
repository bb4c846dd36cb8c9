// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/probe.h"

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "mqtt/connack.h"
#include "mqtt/connect.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/version.h"
#include "probe/chain_report.h"
#include "probe/connack_words.h"

enum { PACKET_ROOM = 70000, PROBE_KEEP_ALIVE_S = 60 };

static void set(json_t *object, const char *key, json_t *value)
{
    CHECK(json_object_set_new(object, key, value) == 0);
}

/* The first problem is the answer. */
static void blame(json_t *seen, const char *text)
{
    if (json_object_get(seen, "problem") == NULL) set(seen, "problem", json_string(text));
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *tls_of(const struct probe_facts *facts)
{
    json_t *tls = json_object();
    set(tls, "version", text_or_null(facts->version));
    set(tls, "cipher", text_or_null(facts->cipher));
    set(tls, "group", text_or_null(facts->group));
    set(tls, "alpn", text_or_null(facts->alpn));
    return tls;
}

static void report_chain(const struct probe_question *question, const struct probe_facts *facts,
                         json_t *seen)
{
    const struct probe_options *options = &question->connection;
    json_t *chain = chain_report(&(struct chain_question){
        .chain = facts->chain,
        .count = facts->chain_count,
        .authorities = question->authorities,
        .name = options->server_name == NULL ? options->host : options->server_name,
        .stapled = facts->stapled,
        .now = time(NULL),
    });
    const json_t *first = json_array_get(json_object_get(chain, "problems"), 0);
    if (first != NULL) blame(seen, json_string_value(first));
    set(seen, "chain", chain);
}

/* ------------------------------------------------------------------------------------------- MQTT
 */

static bool send_connect(const struct probe_question *question, enum mqtt_version version,
                         struct probe_connection *connection, struct err *err)
{
    uint8_t room[1024];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    struct mqtt_connect connect = {.version = version,
                                   .clean_start = true,
                                   .keep_alive_s = PROBE_KEEP_ALIVE_S,
                                   .client_id = span_of(question->client_id),
                                   .has_username = question->username != NULL,
                                   .has_password = question->password != NULL};
    if (connect.has_username) connect.username = span_of(question->username);
    if (connect.has_password) connect.password = span_of(question->password);
    mqtt_connect_encode(&out, &connect);
    if (!bytes_writer_ok(&out))
        return err_set(err, "client id, username and password are too long for this probe");
    bool sent = probe_send(connection, (struct span){room, out.length}, err);
    explicit_bzero(room, sizeof room);
    return sent;
}

/* Reads until the first packet is whole. */
static bool receive_packet(struct probe_connection *connection, uint8_t room[PACKET_ROOM],
                           size_t *length, struct err *err)
{
    struct mqtt_frame frame;
    size_t more = 0;
    *length = 0;
    for (;;) {
        if (!probe_receive(connection, room + *length, PACKET_ROOM - *length, &more, err))
            return false;
        *length += more;
        enum mqtt_status status = mqtt_frame_decode(&frame, room, *length);
        if (status == MQTT_OK && *length >= frame.header_length + frame.remaining_length) {
            *length = frame.header_length + frame.remaining_length;
            return true;
        }
        if ((status != MQTT_OK && status != MQTT_NEED_MORE) || *length == PACKET_ROOM)
            return err_set(err, "the server answered with something that is no MQTT");
    }
}

static json_t *reason_string(const struct mqtt_connack *connack)
{
    struct mqtt_property property;
    struct bytes walk = bytes_of(connack->properties.data, connack->properties.length);
    while (mqtt_property_next(&walk, &property))
        if (property.id == MQTT_PROPERTY_REASON_STRING)
            return json_stringn((const char *)property.text.data, property.text.length);
    return json_null();
}

/* Says CONNECT; gives the answer, or NULL: told why. */
static json_t *ask_broker(const struct probe_question *question, enum mqtt_version version,
                          struct probe_connection *connection, struct err *err)
{
    static uint8_t room[PACKET_ROOM];
    size_t length = 0;
    struct mqtt_connack connack;
    if (!send_connect(question, version, connection, err) ||
        !receive_packet(connection, room, &length, err))
        return NULL;
    if (room[0] >> 4 != MQTT_CONNACK ||
        mqtt_connack_decode(&connack, version, room, length) != MQTT_OK) {
        err_set(err, "the server answered CONNECT with something that is no CONNACK");
        return NULL;
    }
    json_t *answer = json_object();
    set(answer, "version", json_string(mqtt_version_name(version)));
    set(answer, "code", json_integer(connack.code));
    set(answer, "meaning", json_string(connack_words(version, connack.code)));
    if (version == MQTT_5) set(answer, "reason_string", reason_string(&connack));
    return answer;
}

static bool is_refused_version(const json_t *answer)
{
    json_int_t code = json_integer_value(json_object_get(answer, "code"));
    return code == 1 || code == 0x84;
}

/* Brokers that know no MQTT 5 say so, or close: they are asked again on another connection. */
static json_t *ask_again(const struct probe_question *question, struct err *err)
{
    struct probe_connection *connection = probe_open(&question->connection, err);
    json_t *answer = NULL;
    if (connection != NULL && probe_handshake(connection, err))
        answer = ask_broker(question, MQTT_3_1_1, connection, err);
    probe_close(connection);
    return answer;
}

static void report_mqtt(const struct probe_question *question, struct probe_connection *connection,
                        json_t *seen)
{
    struct err err = {{0}};
    struct err again = {{0}};
    json_t *answer = ask_broker(question, MQTT_5, connection, &err);
    bool alert = strstr(err.text, "alert") != NULL;
    if ((answer == NULL && !alert) || (answer != NULL && is_refused_version(answer))) {
        json_t *older = ask_again(question, &again);
        if (older != NULL) {
            json_decref(answer);
            answer = older;
        }
    }
    if (answer == NULL) {
        blame(seen, err.text);
        return;
    }
    char text[256];
    json_int_t code = json_integer_value(json_object_get(answer, "code"));
    (void)snprintf(text, sizeof text, "the broker refuses the CONNECT with 0x%02x: %s",
                   (unsigned)code, json_string_value(json_object_get(answer, "meaning")));
    if (code != 0) blame(seen, text);
    set(seen, "mqtt", answer);
}

json_t *probe_server(const struct probe_question *question)
{
    struct err err = {{0}};
    json_t *seen = json_object();
    CHECK(seen != NULL);
    struct probe_connection *connection = probe_open(&question->connection, &err);
    if (connection == NULL) {
        blame(seen, err.text);
        set(seen, "good", json_false());
        return seen;
    }
    const struct probe_facts *facts = probe_facts(connection);
    set(seen, "address", json_string(facts->address));
    bool done = probe_handshake(connection, &err);
    if (done) set(seen, "tls", tls_of(facts));
    if (facts->chain_count > 0) report_chain(question, facts, seen);
    if (done)
        report_mqtt(question, connection, seen);
    else
        blame(seen, err.text);
    probe_close(connection);
    set(seen, "good", json_boolean(json_object_get(seen, "problem") == NULL));
    return seen;
}
