// SPDX-License-Identifier: GPL-3.0-or-later
/* Packets of the broker's, encoded into a client's outbox. What has no memory fails the client;
 * what is larger than the client takes is left out (MQTT5-3.1.2-24, MQTT5-3.1.2-25). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "broker/message.h"
#include "mqtt/connack.h"
#include "mqtt/packet.h"

struct client;

struct send_publish {
    struct message *message;
    uint8_t qos;
    bool retain;
    bool again; /* DUP */
    uint16_t packet_id;
    const uint32_t *identifiers; /* subscription identifiers */
    uint16_t identifiers_count;
};

/* False: it is larger than the client takes, and was not sent (MQTT 5, 3.1.2.11.4). */
bool send_publish(struct client *client, const struct send_publish *publish);
/* PUBACK, PUBREC, PUBREL or PUBCOMP; `reason` is for MQTT 5 only. */
void send_ack(struct client *client, enum mqtt_type type, uint16_t packet_id, uint8_t reason);
/* SUBACK or UNSUBACK; with UNSUBACK the codes are for MQTT 5 only. */
void send_codes(struct client *client, enum mqtt_type type, uint16_t packet_id,
                const uint8_t *codes, size_t count);
/* False: the client does not take packets of that size, or there is no memory. */
bool send_connack(struct client *client, enum mqtt_version version,
                  const struct mqtt_connack *connack);
void send_pingresp(struct client *client);
/* Nothing before MQTT 5, where the server has none. */
void send_disconnect(struct client *client, uint8_t reason);
