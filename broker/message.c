// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/message.h"

#include <stdlib.h>
#include <string.h>

static void put(uint8_t *at, struct span in)
{
    if (in.length != 0) memcpy(at, in.data, in.length);
}

struct message *message_new(struct span topic, struct span properties, struct span payload)
{
    assert(topic.length <= UINT16_MAX);
    size_t length = topic.length + properties.length + payload.length;
    struct message *message = malloc(sizeof *message + length);
    if (message == NULL) return NULL;
    *message = (struct message){.references = 1,
                                .payload_length = (uint32_t)payload.length,
                                .properties_length = (uint32_t)properties.length,
                                .topic_length = (uint16_t)topic.length};
    put(message->data, topic);
    put(message->data + topic.length, properties);
    put(message->data + topic.length + properties.length, payload);
    return message;
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
