// SPDX-License-Identifier: GPL-3.0-or-later
/* What a client that is connected may send, packet by packet. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mqtt/frame.h"
#include "mqtt/packet.h"

struct client;

/* Handles one whole packet of `length` bytes, borrowed, whose header is `frame`. */
void receive_packet(struct client *client, const struct mqtt_frame *frame, const uint8_t *packet,
                    size_t length);
/* The reason code of MQTT 5 for what a decoder said. */
uint8_t receive_reason(enum mqtt_status status);
/* Ends the connection for what a decoder said: anything but MQTT_OK and MQTT_NEED_MORE. */
void receive_refuse(struct client *client, enum mqtt_status status);
/* Forgets the topic aliases that the client has set. */
void receive_clear_aliases(struct client *client);
