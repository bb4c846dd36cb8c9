// SPDX-License-Identifier: GPL-3.0-or-later
/* PUBLISH (MQTT 3.1.1, 3.3; 5, 3.3). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

/* Spans lend from the packet. */
struct mqtt_publish {
    bool again; /* DUP */
    uint8_t qos;
    bool retain;
    struct span topic; /* empty: the topic alias says it (MQTT 5) */
    uint16_t packet_id;
    uint16_t topic_alias; /* 0: none */
    bool has_message_expiry_interval;
    uint32_t message_expiry_interval_s;
    struct span properties; /* MQTT 5: as on the wire, without their length, checked */
    struct span payload;
};

/* Decodes a whole packet of a client, fixed header included: a subscription identifier in it is a
 * protocol error (MQTT5-3.3.4-6). */
MUST_USE enum mqtt_status mqtt_publish_decode(struct mqtt_publish *out, enum mqtt_version version,
                                              const uint8_t *packet, size_t length);
/* Writes those properties that a server passes on unchanged (MQTT5-3.3.2-4 and on): all but topic
 * alias, message expiry interval and subscription identifier. At most as long as `properties`. */
void mqtt_publish_put_passed(struct bytes_writer *out, struct span properties);
/* Writes everything; `properties` are taken as they are. */
void mqtt_publish_encode(struct bytes_writer *out, enum mqtt_version version,
                         const struct mqtt_publish *publish);
