// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/publish.h"

#include "base/text.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"

static enum mqtt_status keep_property(struct mqtt_publish *out,
                                      const struct mqtt_property *property, bool *is_utf8)
{
    switch (property->id) {
    case MQTT_PROPERTY_TOPIC_ALIAS:
        out->topic_alias = (uint16_t)property->number;
        return property->number == 0 ? MQTT_TOPIC_ALIAS_ZERO : MQTT_OK; /* MQTT5-3.3.2-8 */
    case MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL:
        out->has_message_expiry_interval = true;
        out->message_expiry_interval_s = property->number;
        break;
    case MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR:
        *is_utf8 = property->number == 1;
        break;
    case MQTT_PROPERTY_RESPONSE_TOPIC: /* MQTT5-3.3.2-14 */
        return mqtt_topic_name_is_valid(property->text) ? MQTT_OK : MQTT_PROTOCOL_ERROR;
    case MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER: /* MQTT5-3.3.4-6 */
        return MQTT_PROTOCOL_ERROR;
    default:
        break;
    }
    return MQTT_OK;
}

static enum mqtt_status read_properties(struct bytes *in, struct mqtt_publish *out, bool *is_utf8)
{
    struct mqtt_property property;
    enum mqtt_status status = mqtt_properties_decode(in, MQTT_IN(MQTT_PUBLISH), &out->properties);
    struct bytes walk = bytes_of(out->properties.data, out->properties.length);
    while (status == MQTT_OK && mqtt_property_next(&walk, &property))
        status = keep_property(out, &property, is_utf8);
    return status;
}

static enum mqtt_status read_topic(struct bytes *in, struct mqtt_publish *out)
{
    out->topic = mqtt_utf8_decode(in); /* MQTT-3.3.2-1 */
    if (out->qos > 0) {
        out->packet_id = bytes_u16(in);
        if (bytes_ok(in) && out->packet_id == 0)
            return MQTT_PROTOCOL_ERROR; /* MQTT-2.3.1-1, MQTT5-2.2.1-3 */
    }
    if (!bytes_ok(in)) return MQTT_MALFORMED;
    if (out->topic.length != 0 && !mqtt_topic_name_is_valid(out->topic))
        return MQTT_MALFORMED; /* MQTT-3.3.2-2 */
    return MQTT_OK;
}

enum mqtt_status mqtt_publish_decode(struct mqtt_publish *out, enum mqtt_version version,
                                     const uint8_t *packet, size_t length)
{
    struct mqtt_frame frame;
    bool is_utf8 = false;
    *out = (struct mqtt_publish){0};
    if (mqtt_frame_decode(&frame, packet, length) != MQTT_OK) return MQTT_MALFORMED;
    if (frame.type != MQTT_PUBLISH || length != frame.header_length + frame.remaining_length)
        return MQTT_MALFORMED;
    out->again = (frame.flags & 8) != 0;
    out->qos = (uint8_t)(frame.flags >> 1 & 3);
    out->retain = (frame.flags & 1) != 0;
    if (out->again && out->qos == 0) return MQTT_MALFORMED; /* MQTT-3.3.1-2 */
    struct bytes in = bytes_of(packet + frame.header_length, frame.remaining_length);
    enum mqtt_status status = read_topic(&in, out);
    if (status == MQTT_OK && version == MQTT_5) status = read_properties(&in, out, &is_utf8);
    if (status != MQTT_OK) return status;
    if (out->topic.length == 0 && out->topic_alias == 0)
        return version == MQTT_5 ? MQTT_PROTOCOL_ERROR : MQTT_MALFORMED; /* MQTT-4.7.3-1 */
    out->payload = bytes_take(&in, bytes_left(&in));
    return is_utf8 && !text_is_utf8(out->payload) ? MQTT_PAYLOAD_NO_TEXT : MQTT_OK;
}

void mqtt_publish_put_passed(struct bytes_writer *out, struct span properties)
{
    struct mqtt_property property;
    struct bytes walk = bytes_of(properties.data, properties.length);
    while (mqtt_property_next(&walk, &property)) {
        if (property.id == MQTT_PROPERTY_TOPIC_ALIAS ||
            property.id == MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL ||
            property.id == MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER)
            continue;
        bytes_put(out, property.whole.data, property.whole.length);
    }
}

void mqtt_publish_encode(struct bytes_writer *out, enum mqtt_version version,
                         const struct mqtt_publish *publish)
{
    uint32_t properties = (uint32_t)publish->properties.length;
    size_t length = 2 + publish->topic.length + (publish->qos > 0 ? 2 : 0) +
                    publish->payload.length;
    if (version == MQTT_5) length += mqtt_varint_length(properties) + properties;
    uint8_t flags = (uint8_t)((publish->again ? 8 : 0) | publish->qos << 1 | publish->retain);
    mqtt_frame_encode(out, MQTT_PUBLISH, flags, (uint32_t)length);
    mqtt_utf8_encode(out, publish->topic);
    if (publish->qos > 0) bytes_put_u16(out, publish->packet_id);
    if (version == MQTT_5) {
        mqtt_varint_encode(out, properties);
        bytes_put(out, publish->properties.data, publish->properties.length);
    }
    bytes_put(out, publish->payload.data, publish->payload.length);
}
