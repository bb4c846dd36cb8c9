// SPDX-License-Identifier: GPL-3.0-or-later
/* SUBSCRIBE, UNSUBSCRIBE and their answers (MQTT 3.1.1, 3.8 to 3.11; 5, the same). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

struct mqtt_subscribe {
    uint16_t packet_id;
    uint32_t identifier;    /* MQTT 5: the subscription identifier, 0: none */
    struct span properties; /* MQTT 5: without their length */
    size_t count;           /* of filters: one or more */
    struct bytes filters;   /* what mqtt_subscribe_next has still to read */
    enum mqtt_version version;
};

struct mqtt_subscribe_filter {
    struct span filter;
    uint8_t qos;
    bool no_local; /* this and the next two: MQTT 5 */
    bool retain_as_published;
    uint8_t retain_handling; /* 0 to 2 */
};

/* Decodes a whole packet, fixed header included, and checks every filter in it. */
MUST_USE enum mqtt_status mqtt_subscribe_decode(struct mqtt_subscribe *out,
                                                enum mqtt_version version, const uint8_t *packet,
                                                size_t length);
/* The next filter, lent from the packet. False: none is left. A copy of the struct starts afresh.
 */
bool mqtt_subscribe_next(struct mqtt_subscribe *subscribe, struct mqtt_subscribe_filter *out);

struct mqtt_unsubscribe {
    uint16_t packet_id;
    struct span properties;
    size_t count;
    struct bytes filters;
};

MUST_USE enum mqtt_status mqtt_unsubscribe_decode(struct mqtt_unsubscribe *out,
                                                  enum mqtt_version version, const uint8_t *packet,
                                                  size_t length);
bool mqtt_unsubscribe_next(struct mqtt_unsubscribe *unsubscribe, struct span *filter);
/* SUBACK or UNSUBACK (`type`) with `count` codes and no properties; UNSUBACK has codes in MQTT 5
 * only. */
void mqtt_suback_encode(struct bytes_writer *out, enum mqtt_type type, enum mqtt_version version,
                        uint16_t packet_id, const uint8_t *codes, size_t count);
