// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/frame.h"

enum { DUP = 8 };

/* The flags that a type must have (MQTT 3.1.1, table 2.2); PUBLISH has its own. MQTT 3.1 sets QoS 1
 * in PUBREL, SUBSCRIBE and UNSUBSCRIBE, which are the same bits, and DUP when it sends one of them
 * again (3.1, 2.1). */
static bool flags_are_right(enum mqtt_type type, uint8_t flags, enum mqtt_version version)
{
    switch (type) {
    case MQTT_PUBLISH:
        return (flags & 6) != 6; /* MQTT-3.3.1-4, MQTT5-3.3.1-4 */
    case MQTT_PUBREL:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        return flags == 2 || (version == MQTT_3_1 && flags == (2 | DUP)); /* MQTT-2.2.2-1 */
    default:
        return flags == 0;
    }
}

enum mqtt_status mqtt_frame_decode(struct mqtt_frame *out, const uint8_t *data, size_t length)
{
    return mqtt_frame_decode_in(out, MQTT_5, data, length);
}

enum mqtt_status mqtt_frame_decode_in(struct mqtt_frame *out, enum mqtt_version version,
                                      const uint8_t *data, size_t length)
{
    if (length == 0) return MQTT_NEED_MORE;
    *out = (struct mqtt_frame){.type = data[0] >> 4, .flags = data[0] & 0x0f};
    if (out->type < MQTT_CONNECT || !flags_are_right(out->type, out->flags, version))
        return MQTT_MALFORMED;
    for (size_t i = 1; i < MQTT_LARGEST_FIXED_HEADER; i++) {
        if (i >= length) return MQTT_NEED_MORE;
        out->remaining_length |= (uint32_t)(data[i] & 0x7f) << (7 * (i - 1));
        if (data[i] & 0x80) continue;
        out->header_length = i + 1;
        /* MQTT5-1.5.5-1: the shortest form; no client of older versions writes another. */
        return i > 1 && data[i] == 0 ? MQTT_MALFORMED : MQTT_OK;
    }
    return MQTT_MALFORMED;
}

size_t mqtt_varint_length(uint32_t value)
{
    return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;
}

void mqtt_varint_encode(struct bytes_writer *out, uint32_t value)
{
    if (value > MQTT_LARGEST_REMAINING_LENGTH) out->failed = true;
    do {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        bytes_put_u8(out, value > 0 ? byte | 0x80 : byte);
    } while (value > 0);
}

uint32_t mqtt_varint_decode(struct bytes *in)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t byte = bytes_u8(in);
        value |= (uint32_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        if (i > 0 && byte == 0) bytes_fail(in); /* MQTT5-1.5.5-1 */
        return bytes_ok(in) ? value : 0;
    }
    bytes_fail(in);
    return 0;
}

void mqtt_frame_encode(struct bytes_writer *out, enum mqtt_type type, uint8_t flags,
                       uint32_t remaining_length)
{
    bytes_put_u8(out, (uint8_t)(type << 4 | flags));
    mqtt_varint_encode(out, remaining_length);
}
