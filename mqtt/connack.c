// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/connack.h"

#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/utf8.h"

enum mqtt_status mqtt_connack_decode(struct mqtt_connack *out, enum mqtt_version version,
                                     const uint8_t *packet, size_t length)
{
    struct mqtt_frame frame;
    *out = (struct mqtt_connack){0};
    if (mqtt_frame_decode(&frame, packet, length) != MQTT_OK) return MQTT_MALFORMED;
    if (frame.type != MQTT_CONNACK || length != frame.header_length + frame.remaining_length)
        return MQTT_MALFORMED;
    struct bytes in = bytes_of(packet + frame.header_length, frame.remaining_length);
    uint8_t flags = bytes_u8(&in);
    out->code = bytes_u8(&in);
    if (flags > 1 && version != MQTT_3_1) return MQTT_MALFORMED; /* 3.2.2.1: the rest is reserved */
    out->session_present = (flags & 1) != 0;
    if (version == MQTT_5) {
        enum mqtt_status status = mqtt_properties_decode(&in, MQTT_IN(MQTT_CONNACK),
                                                         &out->properties);
        if (status != MQTT_OK) return status;
    }
    return bytes_ok(&in) && bytes_left(&in) == 0 ? MQTT_OK : MQTT_MALFORMED;
}

void mqtt_connack_encode(struct bytes_writer *out, enum mqtt_version version,
                         const struct mqtt_connack *connack)
{
    uint32_t properties = (uint32_t)connack->properties.length;
    bool v5 = version == MQTT_5;
    mqtt_frame_encode(out, MQTT_CONNACK, 0,
                      v5 ? 2 + (uint32_t)mqtt_varint_length(properties) + properties : 2);
    bytes_put_u8(out, connack->session_present);
    bytes_put_u8(out, connack->code);
    if (!v5) return;
    mqtt_varint_encode(out, properties);
    bytes_put(out, connack->properties.data, connack->properties.length);
}

void mqtt_connack_encode_refusal(struct bytes_writer *out, enum mqtt_version version, uint8_t code,
                                 struct span reason)
{
    bool told = version == MQTT_5 && reason.length > 0;
    uint32_t properties = told ? (uint32_t)reason.length + 3 : 0;
    if (!told) {
        mqtt_connack_encode(out, version, &(struct mqtt_connack){.code = code});
        return;
    }
    mqtt_frame_encode(out, MQTT_CONNACK, 0,
                      2 + (uint32_t)mqtt_varint_length(properties) + properties);
    bytes_put_u8(out, 0); /* no session present in a refusal (MQTT-3.2.2-4, MQTT5-3.2.2-6) */
    bytes_put_u8(out, code);
    mqtt_varint_encode(out, properties);
    bytes_put_u8(out, MQTT_PROPERTY_REASON_STRING);
    mqtt_utf8_encode(out, reason);
}
