// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/acks.h"

#include <string.h>

#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/reason.h"

/* MQTT5-3.4.2-1, MQTT5-3.5.2-1, MQTT5-3.6.2-1, MQTT5-3.7.2-1. */
static bool reason_exists(enum mqtt_type type, uint8_t reason)
{
    static const uint8_t of_received[] = {
        MQTT_REASON_NO_MATCHING_SUBSCRIBERS,
        MQTT_REASON_UNSPECIFIED_ERROR,
        MQTT_REASON_IMPLEMENTATION_SPECIFIC_ERROR,
        MQTT_REASON_NOT_AUTHORIZED,
        MQTT_REASON_TOPIC_NAME_INVALID,
        MQTT_REASON_PACKET_IDENTIFIER_IN_USE,
        MQTT_REASON_QUOTA_EXCEEDED,
        MQTT_REASON_PAYLOAD_FORMAT_INVALID,
    };
    if (reason == MQTT_REASON_SUCCESS) return true;
    if (type == MQTT_PUBREL || type == MQTT_PUBCOMP)
        return reason == MQTT_REASON_PACKET_IDENTIFIER_NOT_FOUND;
    return memchr(of_received, reason, sizeof of_received) != NULL;
}

enum mqtt_status mqtt_ack_decode(struct mqtt_ack *out, enum mqtt_version version,
                                 const uint8_t *packet, size_t length)
{
    struct mqtt_frame frame;
    *out = (struct mqtt_ack){0};
    if (mqtt_frame_decode_in(&frame, version, packet, length) != MQTT_OK) return MQTT_MALFORMED;
    if (frame.type < MQTT_PUBACK || frame.type > MQTT_PUBCOMP) return MQTT_MALFORMED;
    if (length != frame.header_length + frame.remaining_length) return MQTT_MALFORMED;
    struct bytes in = bytes_of(packet + frame.header_length, frame.remaining_length);
    out->type = frame.type;
    out->packet_id = bytes_u16(&in);
    if (!bytes_ok(&in)) return MQTT_MALFORMED;
    if (out->packet_id == 0) return MQTT_PROTOCOL_ERROR; /* MQTT-2.3.1-1, MQTT5-2.2.1-3 */
    if (bytes_left(&in) == 0) return MQTT_OK;
    if (version != MQTT_5) return MQTT_MALFORMED;
    out->reason = bytes_u8(&in);
    if (!reason_exists(out->type, out->reason)) return MQTT_PROTOCOL_ERROR;
    if (bytes_left(&in) == 0) return MQTT_OK; /* MQTT 5, 3.4.2.2.1 */
    enum mqtt_status status = mqtt_properties_decode(&in, MQTT_IN(frame.type), &out->properties);
    if (status != MQTT_OK) return status;
    return bytes_left(&in) == 0 ? MQTT_OK : MQTT_MALFORMED;
}

void mqtt_ack_encode(struct bytes_writer *out, enum mqtt_version version,
                     const struct mqtt_ack *ack)
{
    uint32_t properties = (uint32_t)ack->properties.length;
    bool told = version == MQTT_5 && (ack->reason != 0 || properties > 0);
    uint32_t length = 2;
    if (told) length += 1 + (uint32_t)mqtt_varint_length(properties) + properties;
    mqtt_frame_encode(out, ack->type, ack->type == MQTT_PUBREL ? 2 : 0, length);
    bytes_put_u16(out, ack->packet_id);
    if (!told) return;
    bytes_put_u8(out, ack->reason);
    mqtt_varint_encode(out, properties);
    bytes_put(out, ack->properties.data, ack->properties.length);
}
