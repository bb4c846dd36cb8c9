// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/receive.h"

#include <stdlib.h>
#include <string.h>

#include "broker/client.h"
#include "broker/deliver.h"
#include "broker/hold.h"
#include "broker/internal.h"
#include "broker/leave.h"
#include "broker/send.h"
#include "broker/subscribe.h"
#include "mqtt/acks.h"
#include "mqtt/disconnect.h"
#include "mqtt/properties.h"
#include "mqtt/publish.h"
#include "mqtt/reason.h"

uint8_t receive_reason(enum mqtt_status status)
{
    if (status == MQTT_TOO_LARGE) return MQTT_REASON_PACKET_TOO_LARGE;
    if (status == MQTT_PROTOCOL_ERROR) return MQTT_REASON_PROTOCOL_ERROR;
    if (status == MQTT_TOPIC_ALIAS_ZERO) return MQTT_REASON_TOPIC_ALIAS_INVALID;
    if (status == MQTT_PAYLOAD_NO_TEXT) return MQTT_REASON_PAYLOAD_FORMAT_INVALID;
    if (status == MQTT_CLIENT_ID_INVALID) return MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID;
    return MQTT_REASON_MALFORMED_PACKET;
}

void receive_refuse(struct client *client, enum mqtt_status status)
{
    leave_told(client, receive_reason(status));
}

void receive_clear_aliases(struct client *client)
{
    if (client->aliases == NULL) return;
    for (size_t i = 0; i < client->broker->limits.topic_alias_maximum; i++)
        free(client->aliases[i].topic);
    free(client->aliases);
    client->aliases = NULL;
}

static bool set_alias(struct topic_alias *alias, struct span topic)
{
    uint8_t *copy = malloc(topic.length);
    if (copy == NULL) return false;
    memcpy(copy, topic.data, topic.length);
    free(alias->topic);
    *alias = (struct topic_alias){(uint16_t)topic.length, copy};
    return true;
}

/* Puts the topic that an alias stands for in its place, or remembers it (MQTT 5, 3.3.2.3.4);
 * gives a reason code, or 0. */
static uint8_t resolve_alias(struct client *client, struct mqtt_publish *publish)
{
    uint16_t maximum = client->broker->limits.topic_alias_maximum;
    if (publish->topic_alias == 0) return 0;
    if (publish->topic_alias > maximum) return MQTT_REASON_TOPIC_ALIAS_INVALID;
    if (client->aliases == NULL) client->aliases = calloc(maximum, sizeof client->aliases[0]);
    if (client->aliases == NULL) return MQTT_REASON_UNSPECIFIED_ERROR;
    struct topic_alias *alias = &client->aliases[publish->topic_alias - 1];
    if (publish->topic.length != 0)
        return set_alias(alias, publish->topic) ? 0 : MQTT_REASON_UNSPECIFIED_ERROR;
    if (alias->topic == NULL) return MQTT_REASON_PROTOCOL_ERROR;
    publish->topic = (struct span){alias->topic, alias->length};
    return 0;
}

/* Why a PUBLISH ends the connection, or 0. */
static uint8_t check_publish(struct client *client, struct mqtt_publish *publish)
{
    const struct broker_limits *limits = &client->broker->limits;
    const struct packet_ids *received = &client->session->received;
    if (client->version == MQTT_5 && publish->retain && !limits->retain)
        return MQTT_REASON_RETAIN_NOT_SUPPORTED;
    if (client->version == MQTT_5 && publish->qos == 2 &&
        packet_ids_count(received) >= limits->receive_maximum &&
        !packet_ids_has(received, publish->packet_id))
        return MQTT_REASON_RECEIVE_MAXIMUM_EXCEEDED;
    uint8_t reason = resolve_alias(client, publish);
    if (reason != 0) return reason;
    if (topic_levels_count(publish->topic) > TOPIC_LEVELS_MAX)
        return MQTT_REASON_TOPIC_NAME_INVALID;
    return 0;
}

/* The message of a PUBLISH, with the properties that travel on; NULL: out of memory. */
static struct message *make_message(const struct client *client, const struct mqtt_publish *publish)
{
    struct message *message = message_new(publish->topic, publish->properties, publish->payload);
    if (message == NULL) return NULL;
    message->qos = publish->qos;
    message->retain = publish->retain && client->broker->limits.retain;
    message->publisher = client->session->number;
    message_begin(message, broker_now(client->broker));
    return message;
}

static uint8_t publish_message(struct client *client, const struct mqtt_publish *publish)
{
    struct message *message = make_message(client, publish);
    if (message == NULL) return MQTT_REASON_UNSPECIFIED_ERROR;
    uint8_t reason = deliver_publish(client->broker, message);
    struct session *congested = client->broker->congested;
    if (congested != NULL && congested != client->session) hold_client(client, congested);
    message_unref(message);
    return reason;
}

static void receive_publish(struct client *client, const uint8_t *packet, size_t length)
{
    struct mqtt_publish publish;
    enum mqtt_status status = mqtt_publish_decode(&publish, client->version, packet, length);
    if (status != MQTT_OK) {
        receive_refuse(client, status);
        return;
    }
    uint8_t reason = check_publish(client, &publish);
    if (reason != 0) {
        leave_told(client, reason);
        return;
    }
    struct packet_ids *received = &client->session->received;
    if (publish.qos == 2 && packet_ids_has(received, publish.packet_id)) {
        send_ack(client, MQTT_PUBREC, publish.packet_id, 0); /* a repetition: already handed on */
        return;
    }
    client->broker->counters.publish_received++;
    client->broker->counters.publish_bytes_received += publish.payload.length;
    reason = publish_message(client, &publish);
    if (publish.qos == 1) send_ack(client, MQTT_PUBACK, publish.packet_id, reason);
    if (publish.qos != 2) return;
    /* An error in PUBREC ends the exchange in MQTT 5; older clients are told of none. */
    bool refused = reason >= MQTT_REASON_UNSPECIFIED_ERROR && client->version == MQTT_5;
    if (!refused && !packet_ids_add(received, publish.packet_id)) {
        leave_told(client, MQTT_REASON_UNSPECIFIED_ERROR);
        return;
    }
    send_ack(client, MQTT_PUBREC, publish.packet_id, reason);
}

/* Whether an acknowledgement may come now. Of a session that was resumed, late ones may: of the
 * connection before. A PUBREC that belongs to nothing has its answer (MQTT 5, 3.6.2.1). */
static bool is_due(const struct client *client, const struct delivery *delivery,
                   enum mqtt_type type)
{
    if (delivery == NULL) return client->resumed || type == MQTT_PUBREC;
    if (type == MQTT_PUBACK) return delivery->qos == 1;
    if (delivery->qos != 2) return false;
    return type == MQTT_PUBREC || delivery->message == NULL;
}

/* PUBACK and PUBCOMP end an exchange; PUBREC goes on with it, unless it reports an error. */
static void receive_answer(struct client *client, const struct mqtt_ack *ack)
{
    struct session *session = client->session;
    struct delivery *delivery = queue_find(session_queue(session), ack->packet_id);
    if (!is_due(client, delivery, ack->type)) {
        leave_told(client, MQTT_REASON_PROTOCOL_ERROR);
        return;
    }
    if (ack->type == MQTT_PUBREC && ack->reason < MQTT_REASON_UNSPECIFIED_ERROR) {
        if (delivery != NULL) queue_release(delivery);
        send_ack(client, MQTT_PUBREL, ack->packet_id,
                 delivery != NULL ? 0 : MQTT_REASON_PACKET_IDENTIFIER_NOT_FOUND);
        return;
    }
    if (delivery != NULL) queue_remove(session->queue, delivery);
    client_touch(client); /* there may be room for the next one */
}

static void receive_ack(struct client *client, const struct mqtt_frame *frame,
                        const uint8_t *packet, size_t length)
{
    struct mqtt_ack ack;
    enum mqtt_status status = mqtt_ack_decode(&ack, client->version, packet, length);
    (void)frame;
    if (status != MQTT_OK) {
        receive_refuse(client, status);
        return;
    }
    if (ack.type != MQTT_PUBREL) {
        receive_answer(client, &ack);
        return;
    }
    bool known = packet_ids_remove(&client->session->received, ack.packet_id);
    send_ack(client, MQTT_PUBCOMP, ack.packet_id,
             known ? 0 : MQTT_REASON_PACKET_IDENTIFIER_NOT_FOUND);
}

static void receive_disconnect(struct client *client, const uint8_t *packet, size_t length)
{
    struct mqtt_disconnect disconnect;
    enum mqtt_status status = mqtt_disconnect_decode(&disconnect, client->version, packet, length);
    if (status != MQTT_OK) {
        receive_refuse(client, status);
        return;
    }
    if (disconnect.has_session_expiry_interval &&
        !leave_set_expiry(client, disconnect.session_expiry_interval_s)) {
        leave_told(client, MQTT_REASON_PROTOCOL_ERROR);
        return;
    }
    leave_by_disconnect(client, disconnect.reason != 0);
}

void receive_packet(struct client *client, const struct mqtt_frame *frame, const uint8_t *packet,
                    size_t length)
{
    switch (frame->type) {
    case MQTT_PUBLISH:
        receive_publish(client, packet, length);
        return;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        receive_ack(client, frame, packet, length);
        return;
    case MQTT_SUBSCRIBE:
        subscribe_receive(client, packet, length);
        return;
    case MQTT_UNSUBSCRIBE:
        subscribe_receive_end(client, packet, length);
        return;
    case MQTT_PINGREQ:
        if (frame->remaining_length != 0)
            receive_refuse(client, MQTT_MALFORMED);
        else
            send_pingresp(client);
        return;
    case MQTT_DISCONNECT:
        receive_disconnect(client, packet, length);
        return;
    default: /* a second CONNECT, what only servers send, AUTH without its method */
        receive_refuse(client, MQTT_PROTOCOL_ERROR);
        return;
    }
}
