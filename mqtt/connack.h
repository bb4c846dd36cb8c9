// SPDX-License-Identifier: GPL-3.0-or-later
/* CONNACK (MQTT 3.1.1, 3.2; 5, 3.2). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

struct mqtt_connack {
    bool session_present;
    uint8_t code;           /* a return code before MQTT 5, a reason code in it */
    struct span properties; /* MQTT 5: as on the wire, without their length */
};

/* Decodes a whole packet, fixed header included. */
MUST_USE enum mqtt_status mqtt_connack_decode(struct mqtt_connack *out, enum mqtt_version version,
                                              const uint8_t *packet, size_t length);
void mqtt_connack_encode(struct bytes_writer *out, enum mqtt_version version,
                         const struct mqtt_connack *connack);
/* The refusal of MQTT 5 with a Reason String (left out when `reason` is empty), before it a bare
 * return code. */
void mqtt_connack_encode_refusal(struct bytes_writer *out, enum mqtt_version version, uint8_t code,
                                 struct span reason);
