// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/acks.h"

#include "mqtt/frame.h"
#include "mqtt/properties.h"

enum mqtt_status mqtt_ack_decode(struct mqtt_ack *out, enum mqtt_version version,
                                 const uint8_t *packet, size_t length)
{
    struct mqtt_frame frame;
    *out = (struct mqtt_ack){0};
    if (mqtt_frame_decode(&frame, packet, length) != MQTT_OK) return MQTT_MALFORMED;
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
