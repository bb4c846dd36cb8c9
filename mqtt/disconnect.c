// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/disconnect.h"

#include <string.h>

#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/reason.h"

static enum mqtt_status read_properties(struct bytes *in, enum mqtt_type type,
                                        struct mqtt_disconnect *out)
{
    struct mqtt_property property;
    enum mqtt_status status = mqtt_properties_decode(in, MQTT_IN(type), &out->properties);
    if (status != MQTT_OK) return status;
    struct bytes walk = bytes_of(out->properties.data, out->properties.length);
    while (mqtt_property_next(&walk, &property)) {
        if (property.id != MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL) continue;
        out->has_session_expiry_interval = true;
        out->session_expiry_interval_s = property.number;
    }
    return MQTT_OK;
}

/* What a client may give as its reason (MQTT5-3.14.2-1, MQTT5-3.15.2-1). */
static bool reason_exists(enum mqtt_type type, uint8_t reason)
{
    static const uint8_t of_disconnect[] = {
        MQTT_REASON_SUCCESS,
        MQTT_REASON_DISCONNECT_WITH_WILL,
        MQTT_REASON_UNSPECIFIED_ERROR,
        MQTT_REASON_MALFORMED_PACKET,
        MQTT_REASON_PROTOCOL_ERROR,
        MQTT_REASON_IMPLEMENTATION_SPECIFIC_ERROR,
        MQTT_REASON_TOPIC_NAME_INVALID,
        MQTT_REASON_RECEIVE_MAXIMUM_EXCEEDED,
        MQTT_REASON_TOPIC_ALIAS_INVALID,
        MQTT_REASON_PACKET_TOO_LARGE,
        MQTT_REASON_MESSAGE_RATE_TOO_HIGH,
        MQTT_REASON_QUOTA_EXCEEDED,
        MQTT_REASON_ADMINISTRATIVE_ACTION,
        MQTT_REASON_PAYLOAD_FORMAT_INVALID,
    };
    if (type == MQTT_AUTH)
        return reason == MQTT_REASON_CONTINUE_AUTHENTICATION ||
               reason == MQTT_REASON_REAUTHENTICATE;
    return memchr(of_disconnect, reason, sizeof of_disconnect) != NULL;
}

enum mqtt_status mqtt_disconnect_decode(struct mqtt_disconnect *out, enum mqtt_version version,
                                        const uint8_t *packet, size_t length)
{
    struct mqtt_frame frame;
    *out = (struct mqtt_disconnect){0};
    if (mqtt_frame_decode(&frame, packet, length) != MQTT_OK) return MQTT_MALFORMED;
    if (frame.type != MQTT_DISCONNECT && frame.type != MQTT_AUTH) return MQTT_MALFORMED;
    if (length != frame.header_length + frame.remaining_length) return MQTT_MALFORMED;
    struct bytes in = bytes_of(packet + frame.header_length, frame.remaining_length);
    if (version != MQTT_5) return bytes_left(&in) == 0 ? MQTT_OK : MQTT_MALFORMED;
    if (bytes_left(&in) == 0) return MQTT_OK; /* 3.14.2.1: success */
    out->reason = bytes_u8(&in);
    if (!reason_exists(frame.type, out->reason)) return MQTT_PROTOCOL_ERROR;
    if (bytes_left(&in) == 0) return MQTT_OK; /* 3.14.2.2.1: no properties */
    enum mqtt_status status = read_properties(&in, frame.type, out);
    if (status != MQTT_OK) return status;
    return bytes_left(&in) == 0 ? MQTT_OK : MQTT_MALFORMED;
}

void mqtt_disconnect_encode(struct bytes_writer *out, enum mqtt_version version,
                            const struct mqtt_disconnect *disconnect)
{
    uint32_t properties = (uint32_t)disconnect->properties.length;
    if (version != MQTT_5 || (disconnect->reason == 0 && properties == 0)) {
        mqtt_frame_encode(out, MQTT_DISCONNECT, 0, 0);
        return;
    }
    mqtt_frame_encode(out, MQTT_DISCONNECT, 0,
                      1 + (uint32_t)mqtt_varint_length(properties) + properties);
    bytes_put_u8(out, disconnect->reason);
    mqtt_varint_encode(out, properties);
    bytes_put(out, disconnect->properties.data, disconnect->properties.length);
}
