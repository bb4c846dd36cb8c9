// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/subscribe.h"

#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"

enum { OPTION_QOS = 0x03, OPTION_NO_LOCAL = 0x04, OPTION_RETAIN_AS_PUBLISHED = 0x08 };

/* What the two packets have in common up to their filters. */
static enum mqtt_status read_head(struct bytes *in, enum mqtt_type type, enum mqtt_version version,
                                  const uint8_t *packet, size_t length, uint16_t *packet_id,
                                  struct span *properties)
{
    struct mqtt_frame frame;
    if (mqtt_frame_decode_in(&frame, version, packet, length) != MQTT_OK) return MQTT_MALFORMED;
    if (frame.type != type || length != frame.header_length + frame.remaining_length)
        return MQTT_MALFORMED;
    *in = bytes_of(packet + frame.header_length, frame.remaining_length);
    *packet_id = bytes_u16(in);
    if (!bytes_ok(in)) return MQTT_MALFORMED;
    if (*packet_id == 0) return MQTT_PROTOCOL_ERROR; /* MQTT-2.3.1-1, MQTT5-2.2.1-3 */
    return version == MQTT_5 ? mqtt_properties_decode(in, MQTT_IN(type), properties) : MQTT_OK;
}

static enum mqtt_status check_options(uint8_t options, enum mqtt_version version,
                                      struct span filter)
{
    uint8_t reserved = version == MQTT_5 ? 0xc0 : 0xfc;
    if (options & reserved) return MQTT_MALFORMED; /* MQTT-3.8.3-4, MQTT5-3.8.3-5 */
    if ((options & OPTION_QOS) == 3)               /* MQTT 5, 3.8.3.1 */
        return version == MQTT_5 ? MQTT_PROTOCOL_ERROR : MQTT_MALFORMED;
    if (options >> 4 == 3) return MQTT_PROTOCOL_ERROR; /* MQTT 5, 3.8.3.1: retain handling */
    bool shared = filter.length > 7 && span_is((struct span){filter.data, 7}, "$share/");
    if (version == MQTT_5 && shared && (options & OPTION_NO_LOCAL))
        return MQTT_PROTOCOL_ERROR; /* MQTT5-3.8.3-4 */
    return MQTT_OK;
}

/* Before MQTT 5 there is nothing special about $share/. */
static bool filter_is_valid(struct span filter, enum mqtt_version version)
{
    return version == MQTT_5 ? mqtt_topic_filter_is_valid(filter)
                             : mqtt_topic_filter_is_well_formed(filter);
}

static void read_identifier(struct mqtt_subscribe *out)
{
    struct mqtt_property property;
    struct bytes walk = bytes_of(out->properties.data, out->properties.length);
    while (mqtt_property_next(&walk, &property))
        if (property.id == MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER) out->identifier = property.number;
}

enum mqtt_status mqtt_subscribe_decode(struct mqtt_subscribe *out, enum mqtt_version version,
                                       const uint8_t *packet, size_t length)
{
    struct bytes in;
    *out = (struct mqtt_subscribe){.version = version};
    enum mqtt_status status = read_head(&in, MQTT_SUBSCRIBE, version, packet, length,
                                        &out->packet_id, &out->properties);
    if (status != MQTT_OK) return status;
    read_identifier(out);
    out->filters = bytes_of(in.data + in.at, bytes_left(&in));
    while (bytes_left(&in) > 0) {
        struct span filter = mqtt_utf8_decode(&in); /* MQTT-3.8.3-1 */
        uint8_t options = bytes_u8(&in);
        if (!bytes_ok(&in) || !filter_is_valid(filter, version)) return MQTT_MALFORMED;
        status = check_options(options, version, filter);
        if (status != MQTT_OK) return status;
        out->count++;
    }
    return out->count > 0 ? MQTT_OK : MQTT_PROTOCOL_ERROR; /* MQTT-3.8.3-3, MQTT5-3.8.3-2 */
}

bool mqtt_subscribe_next(struct mqtt_subscribe *subscribe, struct mqtt_subscribe_filter *out)
{
    if (bytes_left(&subscribe->filters) == 0) return false;
    struct span filter = mqtt_utf8_decode(&subscribe->filters);
    uint8_t options = bytes_u8(&subscribe->filters);
    *out = (struct mqtt_subscribe_filter){
        .filter = filter,
        .qos = (uint8_t)(options & OPTION_QOS),
        .no_local = (options & OPTION_NO_LOCAL) != 0,
        .retain_as_published = (options & OPTION_RETAIN_AS_PUBLISHED) != 0,
        .retain_handling = (uint8_t)(options >> 4 & 3),
    };
    return bytes_ok(&subscribe->filters);
}

enum mqtt_status mqtt_unsubscribe_decode(struct mqtt_unsubscribe *out, enum mqtt_version version,
                                         const uint8_t *packet, size_t length)
{
    struct bytes in;
    *out = (struct mqtt_unsubscribe){0};
    enum mqtt_status status = read_head(&in, MQTT_UNSUBSCRIBE, version, packet, length,
                                        &out->packet_id, &out->properties);
    if (status != MQTT_OK) return status;
    out->filters = bytes_of(in.data + in.at, bytes_left(&in));
    while (bytes_left(&in) > 0) {
        struct span filter = mqtt_utf8_decode(&in); /* MQTT-3.10.3-1 */
        if (!bytes_ok(&in) || !filter_is_valid(filter, version)) return MQTT_MALFORMED;
        out->count++;
    }
    return out->count > 0 ? MQTT_OK : MQTT_PROTOCOL_ERROR; /* MQTT-3.10.3-2, MQTT5-3.10.3-2 */
}

bool mqtt_unsubscribe_next(struct mqtt_unsubscribe *unsubscribe, struct span *filter)
{
    if (bytes_left(&unsubscribe->filters) == 0) return false;
    *filter = mqtt_utf8_decode(&unsubscribe->filters);
    return bytes_ok(&unsubscribe->filters);
}

void mqtt_suback_encode(struct bytes_writer *out, enum mqtt_type type, enum mqtt_version version,
                        uint16_t packet_id, const uint8_t *codes, size_t count)
{
    bool v5 = version == MQTT_5;
    if (!v5 && type == MQTT_UNSUBACK) count = 0;
    mqtt_frame_encode(out, type, 0, (uint32_t)(2 + (size_t)v5 + count));
    bytes_put_u16(out, packet_id);
    if (v5) bytes_put_u8(out, 0);
    bytes_put(out, codes, count);
}
