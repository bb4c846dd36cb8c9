// SPDX-License-Identifier: GPL-3.0-or-later
/* The fixed header of a control packet (MQTT 3.1.1, 2.2; MQTT 5, 2.1). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

struct mqtt_frame {
    enum mqtt_type type;
    uint8_t flags;             /* the lower four bits of the first byte */
    uint32_t remaining_length; /* bytes after the fixed header */
    size_t header_length;      /* 2 to 5 */
};

/* Reads a fixed header at the start of `length` bytes. MQTT_NEED_MORE as long as what is there
 * could still become one; MQTT_MALFORMED: type 0, a length of more than four bytes or not in its
 * shortest form (MQTT 5), flags that the type may not have (PUBLISH's are its own). */
MUST_USE enum mqtt_status mqtt_frame_decode(struct mqtt_frame *out, const uint8_t *data,
                                            size_t length);
/* The same where the version is known: MQTT 3.1 has flags that are wrong in the others. */
MUST_USE enum mqtt_status mqtt_frame_decode_in(struct mqtt_frame *out, enum mqtt_version version,
                                               const uint8_t *data, size_t length);
/* Writes a fixed header. */
void mqtt_frame_encode(struct bytes_writer *out, enum mqtt_type type, uint8_t flags,
                       uint32_t remaining_length);
/* Bytes that `value` takes as a variable byte integer: 1 to 4. */
size_t mqtt_varint_length(uint32_t value);
void mqtt_varint_encode(struct bytes_writer *out, uint32_t value);
/* Reads a variable byte integer (MQTT 5, 1.5.5), shortest form only; fails the cursor otherwise. */
uint32_t mqtt_varint_decode(struct bytes *in);
