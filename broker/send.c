// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/send.h"

#include "broker/client.h"
#include "broker/internal.h"
#include "broker/topic_aliases.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"

/* Room for a whole packet in the client's outbox; a writer without room when there is no memory. */
static struct bytes_writer begin(struct client *client, size_t length)
{
    uint8_t *room = outbox_reserve(&client->outbox, length);
    if (room == NULL) client->failed = true;
    client_touch(client);
    return bytes_writer_of(room, room == NULL ? 0 : length);
}

static void finish(struct client *client, const struct bytes_writer *out)
{
    if (!bytes_writer_ok(out)) return;
    outbox_commit(&client->outbox, out->length);
    client->broker->counters.messages_sent++;
}

/* What is left of a message's life: what it had less the whole seconds that have passed. */
static uint32_t expiry_left_s(const struct client *client, const struct message *message)
{
    uint64_t now_ms = broker_now(client->broker);
    if (message->expires_at_ms <= now_ms) return 0;
    /* An interval of 0 is kept as one millisecond. */
    return (uint32_t)((message->expires_at_ms - now_ms + 998) / 1000);
}

/* How a PUBLISH is laid out for one client. */
struct layout {
    bool v5;
    uint16_t alias; /* 0: none */
    bool told;      /* the alias stands for the topic already */
    size_t properties;
    size_t remaining;
    size_t whole;
};

static size_t properties_length(const struct send_publish *publish, uint16_t alias)
{
    const struct message *message = publish->message;
    size_t length = message->properties_length;
    if (message->expires_at_ms != 0) length += 1 + sizeof(uint32_t);
    if (alias != 0) length += 1 + sizeof alias;
    for (uint16_t i = 0; i < publish->identifiers_count; i++)
        length += 1 + mqtt_varint_length(publish->identifiers[i]);
    return length;
}

static void measure(struct layout *out, const struct send_publish *publish)
{
    const struct message *message = publish->message;
    out->remaining = 2 + (size_t)message->payload_length;
    if (!out->told) out->remaining += message->topic_length;
    if (publish->qos != 0) out->remaining += 2;
    if (out->v5) {
        out->properties = properties_length(publish, out->alias);
        out->remaining += mqtt_varint_length((uint32_t)out->properties) + out->properties;
    }
    if (out->remaining > MQTT_LARGEST_REMAINING_LENGTH) return;
    out->whole = 1 + mqtt_varint_length((uint32_t)out->remaining) + out->remaining;
}

static bool fits(const struct client *client, const struct layout *layout)
{
    if (layout->remaining > MQTT_LARGEST_REMAINING_LENGTH) return false;
    return client->maximum_packet_size == 0 || layout->whole <= client->maximum_packet_size;
}

/* False: the client cannot be sent this. */
static bool lay_out(struct layout *out, struct client *client, const struct send_publish *publish)
{
    struct span topic = message_topic(publish->message);
    *out = (struct layout){.v5 = client->version == MQTT_5};
    if (client->sent_aliases != NULL)
        out->alias = topic_aliases_of(client->sent_aliases, topic, &out->told);
    measure(out, publish);
    if (!fits(client, out)) return false;
    if (out->alias == 0 || out->told) return true;
    if (topic_aliases_tell(client->sent_aliases, out->alias, topic)) return true;
    out->alias = 0;
    measure(out, publish);
    return true;
}

static void put_properties(struct bytes_writer *out, const struct client *client,
                           const struct send_publish *publish, const struct layout *layout)
{
    const struct message *message = publish->message;
    struct span passed = message_properties(message);
    mqtt_varint_encode(out, (uint32_t)layout->properties);
    if (message->expires_at_ms != 0) {
        bytes_put_u8(out, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL);
        bytes_put_u32(out, expiry_left_s(client, message));
    }
    if (layout->alias != 0) {
        bytes_put_u8(out, MQTT_PROPERTY_TOPIC_ALIAS);
        bytes_put_u16(out, layout->alias);
    }
    for (uint16_t i = 0; i < publish->identifiers_count; i++) {
        bytes_put_u8(out, MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER);
        mqtt_varint_encode(out, publish->identifiers[i]);
    }
    bytes_put(out, passed.data, passed.length);
}

static uint8_t publish_flags(const struct send_publish *publish)
{
    return (uint8_t)((publish->again ? 8 : 0) | publish->qos << 1 | (publish->retain ? 1 : 0));
}

/* What the client asked for by sending something. What is larger than it takes stays unsaid
 * (MQTT5-3.1.2-24). */
static void finish_answer(struct client *client, const struct bytes_writer *out)
{
    if (client->maximum_packet_size != 0 && out->length > client->maximum_packet_size) return;
    finish(client, out);
    client->answers += (uint32_t)out->length;
}

bool send_publish(struct client *client, const struct send_publish *publish)
{
    const struct message *message = publish->message;
    struct span topic = message_topic(message);
    struct span payload = message_payload(message);
    struct layout layout;
    if (!lay_out(&layout, client, publish)) return false;
    if (layout.told) topic.length = 0;
    bool copy = payload.length < OUTBOX_COPY_BELOW;
    struct bytes_writer out = begin(client, copy ? layout.whole : layout.whole - payload.length);
    mqtt_frame_encode(&out, MQTT_PUBLISH, publish_flags(publish), (uint32_t)layout.remaining);
    bytes_put_u16(&out, (uint16_t)topic.length);
    bytes_put(&out, topic.data, topic.length);
    if (publish->qos != 0) bytes_put_u16(&out, publish->packet_id);
    if (layout.v5) put_properties(&out, client, publish, &layout);
    if (copy) bytes_put(&out, payload.data, payload.length);
    finish(client, &out);
    client->broker->counters.publish_sent++;
    client->broker->counters.publish_bytes_sent += payload.length;
    if (!copy && bytes_writer_ok(&out) && !outbox_put_payload(&client->outbox, publish->message))
        client->failed = true; /* half a packet is in: nothing can follow it */
    return true;
}

void send_ack(struct client *client, enum mqtt_type type, uint16_t packet_id, uint8_t reason)
{
    bool with_reason = client->version == MQTT_5 && reason != 0;
    struct bytes_writer out = begin(client, with_reason ? 5 : 4);
    mqtt_frame_encode(&out, type, type == MQTT_PUBREL ? 2 : 0, with_reason ? 3 : 2);
    bytes_put_u16(&out, packet_id);
    if (with_reason) bytes_put_u8(&out, reason);
    finish_answer(client, &out);
}

void send_codes(struct client *client, enum mqtt_type type, uint16_t packet_id,
                const uint8_t *codes, size_t count)
{
    bool v5 = client->version == MQTT_5;
    if (!v5 && type == MQTT_UNSUBACK) count = 0;
    size_t remaining = 2 + (size_t)v5 + count;
    struct bytes_writer out = begin(client,
                                    1 + mqtt_varint_length((uint32_t)remaining) + remaining);
    mqtt_frame_encode(&out, type, 0, (uint32_t)remaining);
    bytes_put_u16(&out, packet_id);
    if (v5) bytes_put_u8(&out, 0); /* no properties */
    bytes_put(&out, codes, count);
    finish_answer(client, &out);
}

bool send_connack(struct client *client, enum mqtt_version version,
                  const struct mqtt_connack *connack)
{
    size_t before = client->outbox.bytes;
    struct bytes_writer out = begin(client,
                                    MQTT_LARGEST_FIXED_HEADER + 2 + 4 + connack->properties.length);
    mqtt_connack_encode(&out, version, connack);
    finish_answer(client, &out);
    return client->outbox.bytes != before;
}

void send_pingresp(struct client *client)
{
    struct bytes_writer out = begin(client, 2);
    mqtt_frame_encode(&out, MQTT_PINGRESP, 0, 0);
    finish_answer(client, &out);
}

void send_disconnect(struct client *client, uint8_t reason)
{
    if (client->version != MQTT_5) return;
    struct bytes_writer out = begin(client, 3);
    mqtt_frame_encode(&out, MQTT_DISCONNECT, 0, 1);
    bytes_put_u8(&out, reason);
    finish_answer(client, &out);
}
