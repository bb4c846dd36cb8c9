// SPDX-License-Identifier: GPL-3.0-or-later
/* From the client to the broker. */
#include "proxy/guard/guard.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/acks.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "mqtt/reason.h"
#include "mqtt/subscribe.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"
#include "proxy/guard/guard_private.h"

bool buffer_add(struct buffer *buffer, struct span data, size_t most)
{
    if (data.length > most - buffer->length) return false;
    if (buffer->length + data.length > buffer->room) {
        size_t room = buffer->room == 0 ? 256 : buffer->room;
        while (room < buffer->length + data.length)
            room *= 2;
        uint8_t *grown = realloc(buffer->data, room);
        if (grown == NULL) return false;
        buffer->data = grown;
        buffer->room = room;
    }
    if (data.length > 0) memcpy(buffer->data + buffer->length, data.data, data.length);
    buffer->length += data.length;
    return true;
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

struct guard *guard_new(const struct guard_settings *settings)
{
    struct guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL) {
        topics_free(settings->publish);
        topics_free(settings->subscribe);
        return NULL;
    }
    guard->settings = *settings;
    return guard;
}

void guard_free(struct guard *guard)
{
    if (guard == NULL) return;
    topics_free(guard->settings.publish);
    topics_free(guard->settings.subscribe);
    buffer_clear(&guard->held);
    buffer_clear(&guard->answers);
    buffer_clear(&guard->suback);
    aliases_clear(&guard->aliases);
    while (guard->merges != NULL) {
        struct merge *next = guard->merges->next;
        free(guard->merges);
        guard->merges = next;
    }
    free(guard);
}

void guard_begin_inside(struct guard *guard, uint64_t client_left, uint64_t backend_left)
{
    guard->missed_aliases = true;
    guard->passing = client_left;
    guard->backend_passing = backend_left;
    guard->backend_begun = true;
}

void guard_set_topics(struct guard *guard, struct topics *publish, struct topics *subscribe,
                      bool close_on_violation)
{
    if (guard->settings.publish == NULL && publish != NULL) {
        aliases_clear(&guard->aliases); /* they may mean other topics by now */
        guard->missed_aliases = true;
    }
    topics_free(guard->settings.publish);
    topics_free(guard->settings.subscribe);
    guard->settings.publish = publish;
    guard->settings.subscribe = subscribe;
    guard->settings.close_on_violation = close_on_violation;
}

bool guard_may_publish(const struct guard *guard, struct span topic)
{
    return topics_may_publish(guard->settings.publish, topic);
}

struct guard_violation guard_violation(const struct guard *guard)
{
    return guard->violation;
}

uint64_t guard_publishes(const struct guard *guard)
{
    return guard->publishes;
}

enum guard_status guard_violate(struct guard *guard, uint8_t code, const char *reason)
{
    guard->violation = (struct guard_violation){code, reason};
    return GUARD_VIOLATION;
}

/* -------------------------------------------------------------------------------------- verdicts
 */

/* What is to become of a packet, of which the first bytes are there. */
enum verdict { UNDECIDED, PASS, DROP, TAKE_WHOLE, VIOLATED };

static enum verdict malformed(struct guard *guard)
{
    (void)guard_violate(guard, MQTT_REASON_MALFORMED_PACKET, "malformed_packet");
    return VIOLATED;
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

static enum verdict refuse_publish(struct guard *guard, const struct mqtt_frame *frame,
                                   uint16_t packet_id)
{
    uint8_t room[16];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    unsigned qos = frame->flags >> 1 & 3;
    if (qos == 0 && !guard->settings.close_on_violation) return DROP;
    if (qos == 0 || guard->settings.version != MQTT_5) {
        (void)guard_violate(guard, MQTT_REASON_NOT_AUTHORIZED, "publish_not_allowed");
        return VIOLATED;
    }
    struct mqtt_ack ack = {.type = qos == 1 ? MQTT_PUBACK : MQTT_PUBREC,
                           .packet_id = packet_id,
                           .reason = MQTT_REASON_NOT_AUTHORIZED};
    mqtt_ack_encode(&out, MQTT_5, &ack);
    if (guard_answer(guard, &out)) return DROP;
    (void)guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "too_many_answers");
    return VIOLATED;
}

/* An alias of a refused PUBLISH is remembered too, although the broker never hears of it: whoever
 * uses it means the refused topic, and is refused again. */
static enum verdict judge_topic(struct guard *guard, const struct mqtt_frame *frame,
                                const struct publish_head *head)
{
    struct span topic = head->topic;
    if (topic.length == 0) topic = aliases_find(&guard->aliases, head->alias);
    if (topic.length == 0 && guard->missed_aliases) {
        (void)guard_violate(guard, MQTT_REASON_ADMINISTRATIVE_ACTION, "alias_of_before");
        return VIOLATED;
    }
    if (topic.length == 0) return PASS; /* the broker knows no such alias either, and says so */
    if (!mqtt_topic_name_is_valid(topic)) return malformed(guard);
    if (head->alias != 0 && !aliases_set(&guard->aliases, head->alias, topic)) {
        (void)guard_violate(guard, MQTT_REASON_TOPIC_ALIAS_INVALID, "too_many_aliases");
        return VIOLATED;
    }
    if (topics_may_publish(guard->settings.publish, topic)) return PASS;
    return refuse_publish(guard, frame, head->packet_id);
}

static enum verdict judge_publish(struct guard *guard, const struct mqtt_frame *frame,
                                  struct span data, size_t *needed)
{
    bool has_id = (frame->flags & 6) != 0;
    bool v5 = guard->settings.version == MQTT_5;
    if (guard->settings.publish == NULL) return PASS;
    size_t there = data.length - frame->header_length;
    size_t length = head_length(data.data + frame->header_length, there, has_id, v5);
    if (length > frame->remaining_length) return malformed(guard);
    *needed = frame->header_length + length;
    if (length > there) return UNDECIDED;
    struct publish_head head = {.alias = 0};
    struct bytes in = bytes_of(data.data + frame->header_length, length);
    head.topic = mqtt_utf8_decode(&in);
    if (has_id) head.packet_id = bytes_u16(&in);
    if (!bytes_ok(&in) || (v5 && read_alias(&in, &head) != MQTT_OK)) return malformed(guard);
    return judge_topic(guard, frame, &head);
}

/* Says of the packet that `data` begins with what is to become of it; UNDECIDED: `*needed` bytes of
 * it have to be there. `*whole` is its length, once it is known. */
static enum verdict judge(struct guard *guard, struct span data, uint64_t *whole, size_t *needed)
{
    struct mqtt_frame frame;
    *needed = data.length + 1;
    enum mqtt_status status = mqtt_frame_decode_in(&frame, guard->settings.version, data.data,
                                                   data.length);
    if (status == MQTT_NEED_MORE) return UNDECIDED;
    if (status != MQTT_OK) return malformed(guard);
    *whole = frame.header_length + (uint64_t)frame.remaining_length;
    uint64_t largest = guard->settings.max_packet_size;
    if (largest > 0 && *whole > largest && frame.type != MQTT_CONNECT) {
        (void)guard_violate(guard, MQTT_REASON_PACKET_TOO_LARGE, "packet_too_large");
        return VIOLATED;
    }
    if (frame.type == MQTT_PUBLISH) return judge_publish(guard, &frame, data, needed);
    if (frame.type != MQTT_SUBSCRIBE || guard->settings.subscribe == NULL) return PASS;
    *needed = (size_t)*whole;
    return data.length < *whole ? UNDECIDED : TAKE_WHOLE;
}

/* -------------------------------------------------------------------------------------- SUBSCRIBE
 */

static struct merge *judge_filters(const struct guard *guard, struct mqtt_subscribe subscribe,
                                   size_t *refused)
{
    struct mqtt_subscribe_filter filter;
    struct merge *merge = calloc(1, sizeof *merge + subscribe.count);
    *refused = 0;
    if (merge == NULL) return NULL;
    merge->packet_id = subscribe.packet_id;
    while (mqtt_subscribe_next(&subscribe, &filter)) {
        bool allowed = topics_may_subscribe(guard->settings.subscribe, filter.filter);
        merge->refused[merge->count++] = !allowed;
        *refused += !allowed;
    }
    return merge;
}

static uint8_t refusal_code(const struct guard *guard)
{
    return guard->settings.version == MQTT_5 ? MQTT_REASON_NOT_AUTHORIZED
                                             : MQTT_REASON_UNSPECIFIED_ERROR;
}

static enum guard_status answer_all(struct guard *guard, const struct merge *merge)
{
    size_t room = merge->count + 16;
    uint8_t *codes = malloc(merge->count + room);
    if (codes == NULL) return guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "out_of_memory");
    struct bytes_writer out = bytes_writer_of(codes + merge->count, room);
    memset(codes, refusal_code(guard), merge->count);
    mqtt_suback_encode(&out, MQTT_SUBACK, guard->settings.version, merge->packet_id, codes,
                       merge->count);
    bool kept = guard_answer(guard, &out);
    free(codes);
    return kept ? GUARD_OK : guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "too_many_answers");
}

/* The allowed filters, each as it stood: two bytes of length, the text, a byte of options. */
static bool forward_allowed(struct mqtt_subscribe subscribe, const struct merge *merge,
                            const struct guard_sink *sink)
{
    struct mqtt_subscribe_filter filter;
    size_t filters = bytes_left(&subscribe.filters);
    size_t room = filters + subscribe.properties.length + 16;
    uint8_t *kept = malloc(filters + room);
    if (kept == NULL) return false;
    struct bytes_writer list = bytes_writer_of(kept, filters);
    struct bytes_writer out = bytes_writer_of(kept + filters, room);
    for (size_t i = 0; mqtt_subscribe_next(&subscribe, &filter); i++) {
        if (merge->refused[i]) continue;
        bytes_put_u16(&list, (uint16_t)filter.filter.length);
        bytes_put(&list, filter.filter.data, filter.filter.length + 1);
    }
    bool v5 = subscribe.version == MQTT_5;
    size_t block = v5 ? mqtt_varint_length((uint32_t)subscribe.properties.length) +
                            subscribe.properties.length
                      : 0;
    mqtt_frame_encode(&out, MQTT_SUBSCRIBE, 2, (uint32_t)(2 + block + list.length));
    bytes_put_u16(&out, subscribe.packet_id);
    if (v5) mqtt_varint_encode(&out, (uint32_t)subscribe.properties.length);
    bytes_put(&out, subscribe.properties.data, subscribe.properties.length);
    bytes_put(&out, list.data, list.length);
    bool sent = sink->to_backend(sink->arg, (struct span){out.data, out.length});
    free(kept);
    return sent;
}

static enum guard_status take_subscribe(struct guard *guard, struct span packet,
                                        const struct guard_sink *sink)
{
    struct mqtt_subscribe subscribe;
    size_t refused = 0;
    enum mqtt_status status = mqtt_subscribe_decode(&subscribe, guard->settings.version,
                                                    packet.data, packet.length);
    if (status != MQTT_OK)
        return guard_violate(guard, MQTT_REASON_MALFORMED_PACKET, "malformed_packet");
    struct merge *merge = judge_filters(guard, subscribe, &refused);
    if (merge == NULL) return guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "out_of_memory");
    enum guard_status done = GUARD_OK;
    if (refused > 0 && guard->settings.version == MQTT_3_1) {
        done = guard_violate(guard, 0, "subscribe_not_allowed"); /* 3.1 has no code for it */
    } else if (refused == merge->count) {
        done = answer_all(guard, merge);
    } else if (refused == 0) {
        done = sink->to_backend(sink->arg, packet) ? GUARD_OK : GUARD_BROKEN;
    } else if (guard->merges_count >= MOST_MERGES) {
        done = guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "too_many_subscribes");
    } else {
        struct merge **last = &guard->merges;
        while (*last != NULL)
            last = &(*last)->next;
        *last = merge;
        guard->merges_count++;
        return forward_allowed(subscribe, merge, sink) ? GUARD_OK : GUARD_BROKEN;
    }
    free(merge);
    return done;
}

/* --------------------------------------------------------------------------------------- the walk
 */

/* What a call of guard_from_client has not sent yet: data[from] to data[at] may go as it is. */
struct walk {
    struct span data;
    size_t from;
    size_t at;
    const struct guard_sink *sink;
};

static bool send_passed(struct walk *walk)
{
    struct span passed = {walk->data.data + walk->from, walk->at - walk->from};
    walk->from = walk->at;
    return passed.length == 0 || walk->sink->to_backend(walk->sink->arg, passed);
}

/* Goes over the rest of a packet that has been decided. False: a sink is broken. */
static bool skip_decided(struct guard *guard, struct walk *walk)
{
    size_t there = walk->data.length - walk->at;
    size_t pass = guard->passing < there ? (size_t)guard->passing : there;
    guard->passing -= pass;
    walk->at += pass;
    there -= pass;
    if (guard->dropping == 0) return true;
    if (!send_passed(walk)) return false;
    size_t drop = guard->dropping < there ? (size_t)guard->dropping : there;
    guard->dropping -= drop;
    walk->at += drop;
    walk->from = walk->at;
    return true;
}

/* The verdict on the packet that begins with `start`, of which `start.length` bytes are behind us
 * already when they were `held`. */
static enum guard_status carry_out(struct guard *guard, struct walk *walk, enum verdict verdict,
                                   struct span start, uint64_t whole, bool held)
{
    enum guard_status status = GUARD_OK;
    switch (verdict) {
    case PASS:
        if (held && !walk->sink->to_backend(walk->sink->arg, start)) status = GUARD_BROKEN;
        guard->passing = held ? whole - start.length : whole;
        break;
    case DROP:
        guard->dropping = held ? whole - start.length : whole;
        break;
    case TAKE_WHOLE:
        if (!held && !send_passed(walk)) return GUARD_BROKEN;
        status = take_subscribe(guard, (struct span){start.data, (size_t)whole}, walk->sink);
        if (!held) {
            walk->at += (size_t)whole;
            walk->from = walk->at;
        }
        break;
    case VIOLATED:
        return GUARD_VIOLATION;
    case UNDECIDED:
        break;
    }
    if (held) guard->held.length = 0;
    return status;
}

/* Adds to a packet that was not decided at the end of the last call. */
static enum guard_status go_on_with_held(struct guard *guard, struct walk *walk)
{
    uint64_t whole = 0;
    size_t needed = 0;
    for (;;) {
        struct span start = {guard->held.data, guard->held.length};
        enum verdict verdict = judge(guard, start, &whole, &needed);
        if (verdict != UNDECIDED) return carry_out(guard, walk, verdict, start, whole, true);
        size_t there = walk->data.length - walk->at;
        size_t missing = needed - guard->held.length;
        size_t step = missing < there ? missing : there;
        if (step == 0) return GUARD_OK;
        struct span more = {walk->data.data + walk->at, step};
        if (needed > MOST_HELD_BYTES || !buffer_add(&guard->held, more, MOST_HELD_BYTES))
            return guard_violate(guard, MQTT_REASON_PACKET_TOO_LARGE, "packet_too_large");
        walk->at += step;
        walk->from = walk->at;
    }
}

static enum guard_status begin_packet(struct guard *guard, struct walk *walk)
{
    uint64_t whole = 0;
    size_t needed = 0;
    struct span start = {walk->data.data + walk->at, walk->data.length - walk->at};
    if (start.data[0] >> 4 == MQTT_PUBLISH) guard->publishes++;
    enum verdict verdict = judge(guard, start, &whole, &needed);
    if (verdict != UNDECIDED) return carry_out(guard, walk, verdict, start, whole, false);
    if (!send_passed(walk)) return GUARD_BROKEN;
    if (needed > MOST_HELD_BYTES || !buffer_add(&guard->held, start, MOST_HELD_BYTES))
        return guard_violate(guard, MQTT_REASON_PACKET_TOO_LARGE, "packet_too_large");
    walk->at = walk->from = walk->data.length;
    return GUARD_OK;
}

enum guard_status guard_from_client(struct guard *guard, struct span data,
                                    const struct guard_sink *sink)
{
    struct walk walk = {.data = data, .sink = sink};
    enum guard_status status = GUARD_OK;
    while (walk.at < data.length && status == GUARD_OK) {
        if (guard->passing > 0 || guard->dropping > 0)
            status = skip_decided(guard, &walk) ? GUARD_OK : GUARD_BROKEN;
        else if (guard->held.length > 0)
            status = go_on_with_held(guard, &walk);
        else
            status = begin_packet(guard, &walk);
    }
    if (status == GUARD_OK && !send_passed(&walk)) status = GUARD_BROKEN;
    return status == GUARD_OK ? guard_flush_answers(guard, sink) : status;
}
