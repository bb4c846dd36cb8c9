// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/message.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/properties.h"

static void put(uint8_t *at, struct span in)
{
    if (in.length != 0) memcpy(at, in.data, in.length);
}

/* Those that a server hands on unchanged (MQTT 5, 3.3.2.3). */
static bool travels(enum mqtt_property_id id)
{
    return id == MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR || id == MQTT_PROPERTY_CONTENT_TYPE ||
           id == MQTT_PROPERTY_RESPONSE_TOPIC || id == MQTT_PROPERTY_CORRELATION_DATA ||
           id == MQTT_PROPERTY_USER_PROPERTY;
}

/* Writes what travels to `out`, if given; returns its length. */
static size_t take_properties(struct message *message, struct span properties, uint8_t *out)
{
    struct bytes walk = bytes_of(properties.data, properties.length);
    struct mqtt_property property;
    size_t length = 0;
    while (mqtt_property_next(&walk, &property)) {
        if (property.id == MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL)
            message->lifetime_ms = property.number == 0 ? 1 : (uint64_t)property.number * 1000;
        if (!travels(property.id)) continue;
        if (out != NULL) put(out + length, property.whole);
        length += property.whole.length;
    }
    return length;
}

struct message *message_new(struct span topic, struct span properties, struct span payload)
{
    struct message header = {.references = 1,
                             .payload_length = (uint32_t)payload.length,
                             .topic_length = (uint16_t)topic.length};
    assert(topic.length <= UINT16_MAX);
    if (properties.length != 0)
        header.properties_length = (uint32_t)take_properties(&header, properties, NULL);
    struct message *message = malloc(sizeof header + topic.length + header.properties_length +
                                     payload.length);
    if (message == NULL) return NULL;
    *message = header;
    put(message->data, topic);
    if (header.properties_length != 0)
        (void)take_properties(message, properties, message->data + topic.length);
    put(message->data + topic.length + header.properties_length, payload);
    return message;
}

void message_begin(struct message *message, uint64_t now_ms)
{
    if (message->lifetime_ms != 0) message->expires_at_ms = now_ms + message->lifetime_ms;
}

struct message *message_ref(struct message *message)
{
    message->references++;
    return message;
}

void message_unref(struct message *message)
{
    if (message == NULL) return;
    assert(message->references > 0);
    if (--message->references == 0) free(message);
}

struct span message_topic(const struct message *message)
{
    return (struct span){message->data, message->topic_length};
}

struct span message_properties(const struct message *message)
{
    return (struct span){message->data + message->topic_length, message->properties_length};
}

struct span message_payload(const struct message *message)
{
    return (struct span){message->data + message->topic_length + message->properties_length,
                         message->payload_length};
}

size_t message_size(const struct message *message)
{
    return sizeof *message + message->topic_length + message->properties_length +
           message->payload_length;
}

bool message_expired(const struct message *message, uint64_t now_ms)
{
    return message->expires_at_ms != 0 && message->expires_at_ms <= now_ms;
}
