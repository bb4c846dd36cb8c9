// SPDX-License-Identifier: GPL-3.0-or-later
/* DISCONNECT (MQTT 3.1.1, 3.14; 5, 3.14) and AUTH (5, 3.15). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

struct mqtt_disconnect {
    uint8_t reason; /* MQTT 5 */
    bool has_session_expiry_interval;
    uint32_t session_expiry_interval_s;
    struct span properties; /* MQTT 5: without their length */
};

/* Decodes a whole packet of a client, fixed header included; DISCONNECT or AUTH. */
MUST_USE enum mqtt_status mqtt_disconnect_decode(struct mqtt_disconnect *out,
                                                 enum mqtt_version version, const uint8_t *packet,
                                                 size_t length);
/* Before MQTT 5 a DISCONNECT has no reason; a server sends it in MQTT 5 only. */
void mqtt_disconnect_encode(struct bytes_writer *out, enum mqtt_version version,
                            const struct mqtt_disconnect *disconnect);
