// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/send.h"

#include "broker/client.h"
#include "broker/internal.h"
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
    if (bytes_writer_ok(out)) outbox_commit(&client->outbox, out->length);
}

/* What is left of a message's life, rounded up: a message that is alive is not told as dead. */
static uint32_t expiry_left_s(const struct client *client, const struct message *message)
{
    uint64_t now_ms = broker_now(client->broker);
    if (message->expires_at_ms <= now_ms) return 0;
    return (uint32_t)((message->expires_at_ms - now_ms + 999) / 1000);
}

static size_t properties_length(const struct send_publish *publish)
{
    const struct message *message = publish->message;
    size_t length = message->properties_length;
    if (message->expires_at_ms != 0) length += 1 + sizeof(uint32_t);
    for (uint16_t i = 0; i < publish->identifiers_count; i++)
        length += 1 + mqtt_varint_length(publish->identifiers[i]);
    return length;
}

static void put_properties(struct bytes_writer *out, const struct client *client,
                           const struct send_publish *publish, size_t length)
{
    const struct message *message = publish->message;
    struct span passed = message_properties(message);
    mqtt_varint_encode(out, (uint32_t)length);
    if (message->expires_at_ms != 0) {
        bytes_put_u8(out, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL);
        bytes_put_u32(out, expiry_left_s(client, message));
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

/* What the client asked for by sending something. */
static void finish_answer(struct client *client, const struct bytes_writer *out)
{
    finish(client, out);
    client->answers += out->length;
}

bool send_publish(struct client *client, const struct send_publish *publish)
{
    const struct message *message = publish->message;
    struct span topic = message_topic(message);
    struct span payload = message_payload(message);
    bool v5 = client->version == MQTT_5;
    size_t properties = v5 ? properties_length(publish) : 0;
    size_t head = 2 + topic.length + (publish->qos == 0 ? 0 : 2);
    if (v5) head += mqtt_varint_length((uint32_t)properties) + properties;
    size_t remaining = head + payload.length;
    if (remaining > MQTT_LARGEST_REMAINING_LENGTH) return false;
    size_t whole = 1 + mqtt_varint_length((uint32_t)remaining) + remaining;
    if (client->maximum_packet_size != 0 && whole > client->maximum_packet_size) return false;
    bool copy = payload.length < OUTBOX_COPY_BELOW;
    struct bytes_writer out = begin(client, copy ? whole : whole - payload.length);
    mqtt_frame_encode(&out, MQTT_PUBLISH, publish_flags(publish), (uint32_t)remaining);
    bytes_put_u16(&out, (uint16_t)topic.length);
    bytes_put(&out, topic.data, topic.length);
    if (publish->qos != 0) bytes_put_u16(&out, publish->packet_id);
    if (v5) put_properties(&out, client, publish, properties);
    if (copy) bytes_put(&out, payload.data, payload.length);
    finish(client, &out);
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

void send_connack(struct client *client, enum mqtt_version version,
                  const struct mqtt_connack *connack)
{
    struct bytes_writer out = begin(client,
                                    MQTT_LARGEST_FIXED_HEADER + 2 + 4 + connack->properties.length);
    mqtt_connack_encode(&out, version, connack);
    finish_answer(client, &out);
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
