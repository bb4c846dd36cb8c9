// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/connect.h"

#include <string.h>

#include "base/text.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"

enum {
    FLAG_RESERVED = 0x01,
    FLAG_CLEAN_START = 0x02,
    FLAG_WILL = 0x04,
    FLAG_WILL_QOS = 0x18,
    FLAG_WILL_RETAIN = 0x20,
    FLAG_PASSWORD = 0x40,
    FLAG_USERNAME = 0x80,
    LEVEL_BRIDGE = 0x80
};

/* Protocol name and level (MQTT-3.1.2-1, MQTT-3.1.2-2, MQTT5-3.1.2-1, MQTT5-3.1.2-2). */
static enum mqtt_status read_protocol(struct bytes *in, struct mqtt_connect *out)
{
    struct span name = mqtt_utf8_decode(in);
    uint8_t level = bytes_u8(in);
    if (!bytes_ok(in)) return MQTT_MALFORMED;
    bool old = span_is(name, "MQIsdp");
    if (!old && !span_is(name, "MQTT")) return MQTT_MALFORMED;
    out->bridge = (level & LEVEL_BRIDGE) != 0;
    level = (uint8_t)(level & 0x7f);
    bool spoken = old ? level == MQTT_3_1
                      : level == MQTT_3_1_1 || (level == MQTT_5 && !out->bridge);
    out->version = (enum mqtt_version)level; /* a refusal is written in it, spoken or not */
    return spoken ? MQTT_OK : MQTT_VERSION_NOT_SPOKEN;
}

static enum mqtt_status read_flags(uint8_t flags, struct mqtt_connect *out)
{
    uint8_t qos = (uint8_t)((flags & FLAG_WILL_QOS) >> 3);
    bool will = (flags & FLAG_WILL) != 0;
    if (flags & FLAG_RESERVED) return MQTT_MALFORMED; /* MQTT-3.1.2-3, MQTT5-3.1.2-3 */
    if (qos == 3) return MQTT_MALFORMED;              /* MQTT-3.1.2-14, MQTT5-3.1.2-12 */
    if (!will && qos != 0) return MQTT_MALFORMED;     /* MQTT-3.1.2-13, MQTT5-3.1.2-11 */
    if (!will && (flags & FLAG_WILL_RETAIN))
        return MQTT_MALFORMED; /* MQTT-3.1.2-15, MQTT5-3.1.2-13 */
    out->has_username = (flags & FLAG_USERNAME) != 0;
    out->has_password = (flags & FLAG_PASSWORD) != 0;
    if (out->version == MQTT_3_1_1 && out->has_password && !out->has_username)
        return MQTT_MALFORMED; /* MQTT-3.1.2-22 */
    out->clean_start = (flags & FLAG_CLEAN_START) != 0;
    out->will.present = will;
    out->will.qos = qos;
    out->will.retain = (flags & FLAG_WILL_RETAIN) != 0;
    return MQTT_OK;
}

static void keep_property(struct mqtt_connect *out, const struct mqtt_property *property)
{
    switch (property->id) {
    case MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL:
        out->session_expiry_interval_s = property->number;
        break;
    case MQTT_PROPERTY_RECEIVE_MAXIMUM:
        out->receive_maximum = (uint16_t)property->number;
        break;
    case MQTT_PROPERTY_MAXIMUM_PACKET_SIZE:
        out->maximum_packet_size = property->number;
        break;
    case MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM:
        out->topic_alias_maximum = (uint16_t)property->number;
        break;
    case MQTT_PROPERTY_REQUEST_RESPONSE_INFORMATION:
        out->request_response_information = property->number == 1;
        break;
    case MQTT_PROPERTY_REQUEST_PROBLEM_INFORMATION:
        out->request_problem_information = property->number == 1;
        break;
    case MQTT_PROPERTY_AUTHENTICATION_METHOD:
        out->authentication_method = property->text;
        break;
    case MQTT_PROPERTY_AUTHENTICATION_DATA:
        out->authentication_data = property->text;
        break;
    default:
        break;
    }
}

/* MQTT 5, 3.1.2.11. */
static enum mqtt_status read_properties(struct bytes *in, struct mqtt_connect *out)
{
    struct mqtt_property property;
    if (out->version != MQTT_5) return MQTT_OK;
    enum mqtt_status status = mqtt_properties_decode(in, MQTT_IN(MQTT_CONNECT), &out->properties);
    if (status != MQTT_OK) return status;
    bool data = false;
    bool method = false;
    struct bytes walk = bytes_of(out->properties.data, out->properties.length);
    while (mqtt_property_next(&walk, &property)) {
        keep_property(out, &property);
        data = data || property.id == MQTT_PROPERTY_AUTHENTICATION_DATA;
        method = method || property.id == MQTT_PROPERTY_AUTHENTICATION_METHOD;
    }
    return data && !method ? MQTT_PROTOCOL_ERROR : MQTT_OK; /* 3.1.2.11.10 */
}

/* MQTT 5, 3.1.3.2. */
static enum mqtt_status read_will_properties(struct bytes *in, struct mqtt_connect *out)
{
    struct mqtt_property property;
    if (out->version != MQTT_5) return MQTT_OK;
    enum mqtt_status status = mqtt_properties_decode(in, MQTT_IN_WILL, &out->will.properties);
    if (status != MQTT_OK) return status;
    struct bytes walk = bytes_of(out->will.properties.data, out->will.properties.length);
    while (mqtt_property_next(&walk, &property)) {
        if (property.id == MQTT_PROPERTY_WILL_DELAY_INTERVAL)
            out->will.delay_interval_s = property.number;
        if (property.id == MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR)
            out->will.payload_is_utf8 = property.number == 1;
        if (property.id == MQTT_PROPERTY_RESPONSE_TOPIC && !mqtt_topic_name_is_valid(property.text))
            return MQTT_PROTOCOL_ERROR; /* MQTT5-3.3.2-14 */
    }
    return MQTT_OK;
}

static enum mqtt_status read_will(struct bytes *in, struct mqtt_connect *out)
{
    if (!out->will.present) return MQTT_OK;
    enum mqtt_status status = read_will_properties(in, out);
    if (status != MQTT_OK) return status;
    out->will.topic = mqtt_utf8_decode(in); /* MQTT-3.1.3-10, MQTT5-3.1.3-11 */
    out->will.payload = bytes_take(in, bytes_u16(in));
    if (!bytes_ok(in) || !mqtt_topic_name_is_valid(out->will.topic)) return MQTT_MALFORMED;
    bool no_text = out->will.payload_is_utf8 && !text_is_utf8(out->will.payload);
    return no_text ? MQTT_PAYLOAD_NO_TEXT : MQTT_OK;
}

/* In MQTT 3.1 the remaining length counts more than the flags: a username or a password that they
 * announce may be missing (3.1, 3.1). */
static void forget_missing(const struct bytes *in, struct mqtt_connect *out, bool *has)
{
    if (out->version == MQTT_3_1 && bytes_left(in) == 0) *has = false;
}

/* The payload's fields, in their order (MQTT-3.1.3-1, MQTT5-3.1.3-1). */
static enum mqtt_status read_payload(struct bytes *in, struct mqtt_connect *out)
{
    out->client_id = mqtt_utf8_decode(in); /* MQTT-3.1.3-3, MQTT-3.1.3-4, MQTT5-3.1.3-3 */
    if (!bytes_ok(in)) return MQTT_MALFORMED;
    enum mqtt_status status = read_will(in, out);
    if (status != MQTT_OK) return status;
    forget_missing(in, out, &out->has_username);
    if (out->has_username) out->username = mqtt_utf8_decode(in); /* MQTT-3.1.3-11, MQTT5-3.1.3-12 */
    forget_missing(in, out, &out->has_password);
    if (out->has_password) out->password = bytes_take(in, bytes_u16(in));
    if (!bytes_ok(in) || bytes_left(in) != 0) return MQTT_MALFORMED;
    bool may_be_empty = out->version == MQTT_5 || (out->version == MQTT_3_1_1 && out->clean_start);
    return out->client_id.length == 0 && !may_be_empty ? MQTT_CLIENT_ID_INVALID
                                                       : MQTT_OK; /* MQTT-3.1.3-8 */
}

enum mqtt_status mqtt_connect_decode(struct mqtt_connect *out, const uint8_t *packet, size_t length)
{
    struct mqtt_frame frame;
    *out = (struct mqtt_connect){.receive_maximum = UINT16_MAX,
                                 .request_problem_information = true};
    if (mqtt_frame_decode(&frame, packet, length) != MQTT_OK) return MQTT_MALFORMED;
    if (frame.type != MQTT_CONNECT) return MQTT_PROTOCOL_ERROR; /* MQTT-3.1.0-1 */
    if (length != frame.header_length + frame.remaining_length) return MQTT_MALFORMED;
    struct bytes in = bytes_of(packet + frame.header_length, frame.remaining_length);
    enum mqtt_status status = read_protocol(&in, out);
    if (status != MQTT_OK) return status;
    uint8_t flags = bytes_u8(&in);
    out->keep_alive_s = bytes_u16(&in);
    if (!bytes_ok(&in)) return MQTT_MALFORMED;
    status = read_flags(flags, out);
    if (status == MQTT_OK) status = read_properties(&in, out);
    if (status == MQTT_OK) status = read_payload(&in, out);
    if (status != MQTT_OK) out->request_problem_information = true;
    return status;
}

/* The level, when the bytes before it are those of a CONNECT. */
static enum mqtt_version peek_version(const uint8_t *data, size_t length)
{
    struct bytes in = bytes_of(data, length);
    struct span name = bytes_take(&in, bytes_u16(&in));
    uint8_t level = bytes_u8(&in);
    if (!bytes_ok(&in)) return 0;
    if (span_is(name, "MQTT") && level == MQTT_5) return MQTT_5;
    if (span_is(name, "MQTT") && (level & 0x7f) == MQTT_3_1_1) return MQTT_3_1_1;
    return span_is(name, "MQIsdp") && (level & 0x7f) == MQTT_3_1 ? MQTT_3_1 : 0;
}

enum mqtt_status mqtt_connect_peek(const uint8_t *data, size_t length, size_t largest,
                                   size_t *packet_length, enum mqtt_version *version)
{
    struct mqtt_frame frame;
    *packet_length = 0;
    *version = 0;
    if (length > 0 && data[0] >> 4 != MQTT_CONNECT) return MQTT_PROTOCOL_ERROR; /* MQTT-3.1.0-1 */
    enum mqtt_status status = mqtt_frame_decode(&frame, data, length);
    if (status != MQTT_OK) return status;
    size_t whole = frame.header_length + frame.remaining_length;
    size_t there = length - frame.header_length;
    *version = peek_version(data + frame.header_length, there);
    if (whole > largest) {
        /* Ten bytes hold the level: worth waiting for, to be able to say why. */
        return *version == 0 && there < 10 ? MQTT_NEED_MORE : MQTT_TOO_LARGE;
    }
    *packet_length = whole;
    return length < whole ? MQTT_NEED_MORE : MQTT_OK;
}

static uint8_t flags_of(const struct mqtt_connect *connect)
{
    return (uint8_t)((connect->clean_start ? FLAG_CLEAN_START : 0) |
                     (connect->will.present ? FLAG_WILL | connect->will.qos << 3 : 0) |
                     (connect->will.present && connect->will.retain ? FLAG_WILL_RETAIN : 0) |
                     (connect->has_username ? FLAG_USERNAME : 0) |
                     (connect->has_password ? FLAG_PASSWORD : 0));
}

static size_t block_length(struct span block)
{
    return mqtt_varint_length((uint32_t)block.length) + block.length;
}

static size_t body_length(const struct mqtt_connect *connect)
{
    size_t length = (connect->version == MQTT_3_1 ? 8U : 6U) + 4U + 2U + connect->client_id.length;
    if (connect->version == MQTT_5) length += block_length(connect->properties);
    if (connect->will.present)
        length += 4 + connect->will.topic.length + connect->will.payload.length;
    if (connect->will.present && connect->version == MQTT_5)
        length += block_length(connect->will.properties);
    if (connect->has_username) length += 2 + connect->username.length;
    if (connect->has_password) length += 2 + connect->password.length;
    return length;
}

static void put_block(struct bytes_writer *out, struct span block)
{
    mqtt_varint_encode(out, (uint32_t)block.length);
    bytes_put(out, block.data, block.length);
}

static void put_binary(struct bytes_writer *out, struct span data)
{
    if (data.length > UINT16_MAX) out->failed = true;
    bytes_put_u16(out, (uint16_t)data.length);
    bytes_put(out, data.data, data.length);
}

void mqtt_connect_encode(struct bytes_writer *out, const struct mqtt_connect *connect)
{
    bool v5 = connect->version == MQTT_5;
    mqtt_frame_encode(out, MQTT_CONNECT, 0, (uint32_t)body_length(connect));
    mqtt_utf8_encode(out, span_of(connect->version == MQTT_3_1 ? "MQIsdp" : "MQTT"));
    bytes_put_u8(out, (uint8_t)(connect->version | (connect->bridge ? LEVEL_BRIDGE : 0)));
    bytes_put_u8(out, flags_of(connect));
    bytes_put_u16(out, connect->keep_alive_s);
    if (v5) put_block(out, connect->properties);
    mqtt_utf8_encode(out, connect->client_id);
    if (connect->will.present && v5) put_block(out, connect->will.properties);
    if (connect->will.present) mqtt_utf8_encode(out, connect->will.topic);
    if (connect->will.present) put_binary(out, connect->will.payload);
    if (connect->has_username) mqtt_utf8_encode(out, connect->username);
    if (connect->has_password) put_binary(out, connect->password);
}
