// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/properties.h"

#include "mqtt/frame.h"
#include "mqtt/utf8.h"

enum type { NONE, BYTE, SHORT, LONG, VARINT, TEXT, BINARY, PAIR };

#define CONNECT     MQTT_IN(MQTT_CONNECT)
#define CONNACK     MQTT_IN(MQTT_CONNACK)
#define PUBLISH     MQTT_IN(MQTT_PUBLISH)
#define SUBSCRIBE   MQTT_IN(MQTT_SUBSCRIBE)
#define UNSUBSCRIBE MQTT_IN(MQTT_UNSUBSCRIBE)
#define DISCONNECT  MQTT_IN(MQTT_DISCONNECT)
#define AUTH        MQTT_IN(MQTT_AUTH)
#define WILL        MQTT_IN_WILL
#define ANSWERS                                                                                    \
    (MQTT_IN(MQTT_PUBACK) | MQTT_IN(MQTT_PUBREC) | MQTT_IN(MQTT_PUBREL) | MQTT_IN(MQTT_PUBCOMP) |  \
     MQTT_IN(MQTT_SUBACK) | MQTT_IN(MQTT_UNSUBACK))
#define EVERYWHERE                                                                                 \
    (CONNECT | CONNACK | PUBLISH | WILL | SUBSCRIBE | UNSUBSCRIBE | DISCONNECT | AUTH | ANSWERS)

/* MQTT 5, table 2-4. `least` and `most` bound the numbers; most 0: no bound. */
static const struct {
    enum type type;
    unsigned places;
    uint32_t least;
    uint32_t most;
} table[] = {
    [MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR] = {BYTE,   PUBLISH | WILL,                        0, 1},
    [MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL] = {LONG,   PUBLISH | WILL,                        0, 0},
    [MQTT_PROPERTY_CONTENT_TYPE] = {TEXT,   PUBLISH | WILL,                        0, 0},
    [MQTT_PROPERTY_RESPONSE_TOPIC] = {TEXT,   PUBLISH | WILL,                        0, 0},
    [MQTT_PROPERTY_CORRELATION_DATA] = {BINARY, PUBLISH | WILL,                        0, 0},
    [MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER] = {VARINT, PUBLISH | SUBSCRIBE,                   1, 0},
    [MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL] = {LONG,   CONNECT | CONNACK | DISCONNECT,        0, 0},
    [MQTT_PROPERTY_ASSIGNED_CLIENT_IDENTIFIER] = {TEXT,   CONNACK,                               0, 0},
    [MQTT_PROPERTY_SERVER_KEEP_ALIVE] = {SHORT,  CONNACK,                               0, 0},
    [MQTT_PROPERTY_AUTHENTICATION_METHOD] = {TEXT,   CONNECT | CONNACK | AUTH,              0, 0},
    [MQTT_PROPERTY_AUTHENTICATION_DATA] = {BINARY, CONNECT | CONNACK | AUTH,              0, 0},
    [MQTT_PROPERTY_REQUEST_PROBLEM_INFORMATION] = {BYTE,   CONNECT,                               0, 1},
    [MQTT_PROPERTY_WILL_DELAY_INTERVAL] = {LONG,   WILL,                                  0, 0},
    [MQTT_PROPERTY_REQUEST_RESPONSE_INFORMATION] = {BYTE,   CONNECT,                               0, 1},
    [MQTT_PROPERTY_RESPONSE_INFORMATION] = {TEXT,   CONNACK,                               0, 0},
    [MQTT_PROPERTY_SERVER_REFERENCE] = {TEXT,   CONNACK | DISCONNECT,                  0, 0},
    [MQTT_PROPERTY_REASON_STRING] = {TEXT,   CONNACK | DISCONNECT | AUTH | ANSWERS, 0, 0},
    [MQTT_PROPERTY_RECEIVE_MAXIMUM] = {SHORT,  CONNECT | CONNACK,                     1, 0},
    [MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM] = {SHORT,  CONNECT | CONNACK,                     0, 0},
    [MQTT_PROPERTY_TOPIC_ALIAS] = {SHORT,  PUBLISH,                               0, 0},
    [MQTT_PROPERTY_MAXIMUM_QOS] = {BYTE,   CONNACK,                               0, 1},
    [MQTT_PROPERTY_RETAIN_AVAILABLE] = {BYTE,   CONNACK,                               0, 1},
    [MQTT_PROPERTY_USER_PROPERTY] = {PAIR,   EVERYWHERE,                            0, 0},
    [MQTT_PROPERTY_MAXIMUM_PACKET_SIZE] = {LONG,   CONNECT | CONNACK,                     1, 0},
    [MQTT_PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE] = {BYTE,   CONNACK,                               0, 1},
    [MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE] = {BYTE,   CONNACK,                               0, 1},
    [MQTT_PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE] = {BYTE,   CONNACK,                               0, 1},
};

static enum type type_of(uint8_t id)
{
    return id < ARRAY_LENGTH(table) ? table[id].type : NONE;
}

static void read_value(struct bytes *in, struct mqtt_property *out)
{
    switch (type_of((uint8_t)out->id)) {
    case BYTE:
        out->number = bytes_u8(in);
        break;
    case SHORT:
        out->number = bytes_u16(in);
        break;
    case LONG:
        out->number = bytes_u32(in);
        break;
    case VARINT:
        out->number = mqtt_varint_decode(in);
        break;
    case TEXT:
        out->text = mqtt_utf8_decode(in);
        break;
    case BINARY:
        out->text = bytes_take(in, bytes_u16(in));
        break;
    case PAIR:
        out->text = mqtt_utf8_decode(in);
        out->value = mqtt_utf8_decode(in);
        break;
    case NONE:
        bytes_fail(in);
        break;
    }
}

bool mqtt_property_next(struct bytes *in, struct mqtt_property *out)
{
    if (bytes_left(in) == 0) return false;
    size_t start = in->at;
    /* Identifiers are variable byte integers, all of them of one byte (2.2.2.2). */
    *out = (struct mqtt_property){.id = bytes_u8(in)};
    read_value(in, out);
    out->whole = (struct span){in->data + start, in->at - start};
    return bytes_ok(in);
}

static enum mqtt_status check(const struct mqtt_property *property, unsigned place, uint64_t *seen)
{
    uint64_t bit = (uint64_t)1 << property->id;
    bool repeatable = property->id == MQTT_PROPERTY_USER_PROPERTY ||
                      (property->id == MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER && place == PUBLISH);
    if (!(table[property->id].places & place)) return MQTT_MALFORMED; /* MQTT 5, 2.2.2.2 */
    if ((*seen & bit) && !repeatable) return MQTT_PROTOCOL_ERROR;
    if (property->number < table[property->id].least) return MQTT_PROTOCOL_ERROR;
    if (table[property->id].most != 0 && property->number > table[property->id].most)
        return MQTT_PROTOCOL_ERROR;
    *seen |= bit;
    return MQTT_OK;
}

enum mqtt_status mqtt_properties_decode(struct bytes *in, unsigned place, struct span *block)
{
    uint64_t seen = 0;
    struct mqtt_property property;
    *block = bytes_take(in, mqtt_varint_decode(in));
    if (!bytes_ok(in)) return MQTT_MALFORMED;
    struct bytes walk = bytes_of(block->data, block->length);
    while (mqtt_property_next(&walk, &property)) {
        enum mqtt_status status = check(&property, place, &seen);
        if (status != MQTT_OK) return status;
    }
    return bytes_ok(&walk) ? MQTT_OK : MQTT_MALFORMED;
}
