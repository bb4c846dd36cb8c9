// SPDX-License-Identifier: GPL-3.0-or-later
/* PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 3.1.1, 3.4 to 3.7; 5, the same). */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

struct mqtt_ack {
    enum mqtt_type type;
    uint16_t packet_id;
    uint8_t reason;         /* MQTT 5; 0 (success) where it is left out */
    struct span properties; /* MQTT 5: without their length */
};

/* Decodes a whole packet of one of the four types, fixed header included. */
MUST_USE enum mqtt_status mqtt_ack_decode(struct mqtt_ack *out, enum mqtt_version version,
                                          const uint8_t *packet, size_t length);
/* In MQTT 5 the reason is left out when it is success and there are no properties. */
void mqtt_ack_encode(struct bytes_writer *out, enum mqtt_version version,
                     const struct mqtt_ack *ack);
