// SPDX-License-Identifier: GPL-3.0-or-later
/* What is to become of a packet of the client's. */
#include "mqtt/acks.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/reason.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"
#include "proxy/guard/guard_private.h"

static enum guard_verdict malformed(struct guard *guard)
{
    (void)guard_violate(guard, MQTT_REASON_MALFORMED_PACKET, "malformed_packet");
    return VERDICT_VIOLATED;
}

/* The topic, packet identifier and alias of a PUBLISH whose payload may still be on its way. */
struct publish_head {
    struct span topic;
    uint16_t packet_id;
    uint16_t alias;
};

static enum mqtt_status read_alias(struct bytes *in, struct publish_head *head)
{
    struct mqtt_property property;
    struct span block = {NULL, 0};
    enum mqtt_status status = mqtt_properties_decode(in, MQTT_IN(MQTT_PUBLISH), &block);
    if (status != MQTT_OK) return status;
    struct bytes walk = bytes_of(block.data, block.length);
    while (mqtt_property_next(&walk, &property))
        if (property.id == MQTT_PROPERTY_TOPIC_ALIAS) head->alias = (uint16_t)property.number;
    return MQTT_OK;
}

/* How far the head of a PUBLISH reaches, as far as `there` bytes of the packet's `body` tell; more
 * than `there`: so many are needed. */
static size_t head_length(const uint8_t *body, size_t there, bool has_id, bool has_properties)
{
    size_t at = 2;
    if (there < at) return at;
    at += (size_t)body[0] << 8 | body[1];
    if (has_id) at += 2;
    if (!has_properties) return at;
    size_t length = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (there <= at) return at + 1;
        uint8_t byte = body[at++];
        length |= (size_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) break;
    }
    return at + length;
}

static enum guard_verdict refuse_publish(struct guard *guard, const struct mqtt_frame *frame,
                                         uint16_t packet_id)
{
    uint8_t room[16];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    unsigned qos = frame->flags >> 1 & 3;
    if (qos == 0 && !guard->settings.close_on_violation) return VERDICT_DROP;
    if (qos == 0 || guard->settings.version != MQTT_5) {
        (void)guard_violate(guard, MQTT_REASON_NOT_AUTHORIZED, "publish_not_allowed");
        return VERDICT_VIOLATED;
    }
    struct mqtt_ack ack = {.type = qos == 1 ? MQTT_PUBACK : MQTT_PUBREC,
                           .packet_id = packet_id,
                           .reason = MQTT_REASON_NOT_AUTHORIZED};
    mqtt_ack_encode(&out, MQTT_5, &ack);
    if (guard_answer(guard, &out)) return VERDICT_DROP;
    (void)guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "too_many_answers");
    return VERDICT_VIOLATED;
}

/* An alias of a refused PUBLISH is remembered too, although the broker never hears of it: whoever
 * uses it means the refused topic, and is refused again. */
static enum guard_verdict judge_topic(struct guard *guard, const struct mqtt_frame *frame,
                                      const struct publish_head *head)
{
    struct span topic = head->topic;
    if (topic.length == 0) topic = aliases_find(&guard->aliases, head->alias);
    if (topic.length == 0 && guard->missed_aliases) {
        (void)guard_violate(guard, MQTT_REASON_ADMINISTRATIVE_ACTION, "alias_of_before");
        return VERDICT_VIOLATED;
    }
    if (topic.length == 0)
        return VERDICT_PASS; /* the broker knows no such alias either, and says so */
    if (!mqtt_topic_name_is_valid(topic)) return malformed(guard);
    if (head->alias != 0 && !aliases_set(&guard->aliases, head->alias, topic)) {
        (void)guard_violate(guard, MQTT_REASON_TOPIC_ALIAS_INVALID, "too_many_aliases");
        return VERDICT_VIOLATED;
    }
    if (topics_may_publish(guard->settings.publish, topic)) return VERDICT_PASS;
    return refuse_publish(guard, frame, head->packet_id);
}

static enum guard_verdict judge_publish(struct guard *guard, const struct mqtt_frame *frame,
                                        struct span data, size_t *needed)
{
    bool has_id = (frame->flags & 6) != 0;
    bool v5 = guard->settings.version == MQTT_5;
    if (guard->settings.publish == NULL) return VERDICT_PASS;
    size_t there = data.length - frame->header_length;
    size_t length = head_length(data.data + frame->header_length, there, has_id, v5);
    if (length > frame->remaining_length) return malformed(guard);
    *needed = frame->header_length + length;
    if (length > there) return VERDICT_UNDECIDED;
    struct publish_head head = {.alias = 0};
    struct bytes in = bytes_of(data.data + frame->header_length, length);
    head.topic = mqtt_utf8_decode(&in);
    if (has_id) head.packet_id = bytes_u16(&in);
    if (!bytes_ok(&in) || (v5 && read_alias(&in, &head) != MQTT_OK)) return malformed(guard);
    return judge_topic(guard, frame, &head);
}

enum guard_verdict guard_judge(struct guard *guard, struct span data, uint64_t *whole,
                               size_t *needed)
{
    struct mqtt_frame frame;
    *needed = data.length + 1;
    enum mqtt_status status = mqtt_frame_decode_in(&frame, guard->settings.version, data.data,
                                                   data.length);
    if (status == MQTT_NEED_MORE) return VERDICT_UNDECIDED;
    if (status != MQTT_OK) return malformed(guard);
    *whole = frame.header_length + (uint64_t)frame.remaining_length;
    uint64_t largest = guard->settings.max_packet_size;
    if (largest > 0 && *whole > largest && frame.type != MQTT_CONNECT) {
        (void)guard_violate(guard, MQTT_REASON_PACKET_TOO_LARGE, "packet_too_large");
        return VERDICT_VIOLATED;
    }
    if (frame.type == MQTT_PUBLISH) return judge_publish(guard, &frame, data, needed);
    if (frame.type != MQTT_SUBSCRIBE || guard->settings.subscribe == NULL) return VERDICT_PASS;
    *needed = (size_t)*whole;
    return data.length < *whole ? VERDICT_UNDECIDED : VERDICT_TAKE_WHOLE;
}
