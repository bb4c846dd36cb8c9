// SPDX-License-Identifier: GPL-3.0-or-later
/* From the broker to the client: packets of ours between two of the broker's, and SUBACKs that get
 * back the places of the filters which the broker never saw. */
#include <stdlib.h>
#include <string.h>

#include "mqtt/frame.h"
#include "mqtt/reason.h"
#include "proxy/guard/guard_private.h"

enum { LARGEST_SUBACK = 256 * 1024 };

bool guard_answer(struct guard *guard, const struct bytes_writer *packet)
{
    return bytes_writer_ok(packet) &&
           buffer_add(&guard->answers, (struct span){packet->data, packet->length},
                      MOST_ANSWER_BYTES);
}

static bool at_boundary(const struct guard *guard)
{
    return guard->backend_begun && guard->backend_passing == 0 && guard->header_length == 0 &&
           guard->suback.length == 0;
}

enum guard_status guard_flush_answers(struct guard *guard, const struct guard_sink *sink)
{
    if (guard->answers.length == 0 || !at_boundary(guard)) return GUARD_OK;
    struct span waiting = {guard->answers.data, guard->answers.length};
    guard->answers.length = 0;
    return sink->to_client(sink->arg, waiting) ? GUARD_OK : GUARD_BROKEN;
}

/* ----------------------------------------------------------------------------------------- SUBACK
 */

static struct merge *take_merge(struct guard *guard, uint16_t packet_id)
{
    for (struct merge **link = &guard->merges; *link != NULL; link = &(*link)->next) {
        struct merge *merge = *link;
        if (merge->packet_id != packet_id) continue;
        *link = merge->next;
        guard->merges_count--;
        return merge;
    }
    return NULL;
}

/* The codes of all the filters that the client sent, the broker's in their places. */
static void put_codes(struct bytes_writer *out, const struct merge *merge, struct bytes *codes,
                      uint8_t refusal)
{
    for (size_t i = 0; i < merge->count; i++)
        bytes_put_u8(out, merge->refused[i] || bytes_left(codes) == 0 ? refusal : bytes_u8(codes));
}

/* The packet as the client has to see it, in `room`; false: it passes as it is. */
static bool complete(struct guard *guard, struct span packet, struct bytes_writer *out)
{
    struct mqtt_frame frame;
    if (mqtt_frame_decode(&frame, packet.data, packet.length) != MQTT_OK) return false;
    bool v5 = guard->settings.version == MQTT_5;
    struct bytes in = bytes_of(packet.data + frame.header_length, frame.remaining_length);
    uint16_t packet_id = bytes_u16(&in);
    struct span properties = {NULL, 0};
    if (v5) properties = bytes_take(&in, mqtt_varint_decode(&in));
    struct merge *merge = bytes_ok(&in) ? take_merge(guard, packet_id) : NULL;
    if (merge == NULL) return false;
    size_t block = v5 ? mqtt_varint_length((uint32_t)properties.length) + properties.length : 0;
    mqtt_frame_encode(out, MQTT_SUBACK, 0, (uint32_t)(2 + block + merge->count));
    bytes_put_u16(out, packet_id);
    if (v5) mqtt_varint_encode(out, (uint32_t)properties.length);
    bytes_put(out, properties.data, properties.length);
    put_codes(out, merge, &in, v5 ? MQTT_REASON_NOT_AUTHORIZED : MQTT_REASON_UNSPECIFIED_ERROR);
    free(merge);
    return true;
}

static size_t largest_merge(const struct guard *guard)
{
    size_t largest = 0;
    for (const struct merge *merge = guard->merges; merge != NULL; merge = merge->next)
        if (merge->count > largest) largest = merge->count;
    return largest;
}

static enum guard_status pass_suback(struct guard *guard, const struct guard_sink *sink)
{
    struct span packet = {guard->suback.data, guard->suback.length};
    size_t room = packet.length + largest_merge(guard) + 16;
    uint8_t *memory = malloc(room);
    if (memory == NULL) return guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "out_of_memory");
    struct bytes_writer out = bytes_writer_of(memory, room);
    if (complete(guard, packet, &out)) packet = (struct span){out.data, out.length};
    bool sent = sink->to_client(sink->arg, packet);
    free(memory);
    guard->suback.length = 0;
    return sent ? GUARD_OK : GUARD_BROKEN;
}

/* --------------------------------------------------------------------------------------- the walk
 */

struct walk {
    struct span data;
    size_t from;
    size_t at;
    size_t header;        /* where the header that is being read begins in this piece */
    bool header_is_older; /* it began in an earlier piece, and has not been sent */
    const struct guard_sink *sink;
};

static enum guard_status send_passed(struct walk *walk)
{
    struct span passed = {walk->data.data + walk->from, walk->at - walk->from};
    walk->from = walk->at;
    if (passed.length == 0) return GUARD_OK;
    return walk->sink->to_client(walk->sink->arg, passed) ? GUARD_OK : GUARD_BROKEN;
}

/* The header that has just been read belongs to a packet that passes. */
static enum guard_status pass_header(struct walk *walk, struct span header)
{
    if (!walk->header_is_older) return GUARD_OK; /* it goes with what is around it */
    walk->header_is_older = false;
    walk->from = walk->at;
    return walk->sink->to_client(walk->sink->arg, header) ? GUARD_OK : GUARD_BROKEN;
}

/* It belongs to a SUBACK, which is held until it is whole. */
static enum guard_status hold_header(struct guard *guard, struct walk *walk, struct span header)
{
    size_t behind = walk->at;
    enum guard_status sent = GUARD_OK;
    walk->at = walk->header;
    if (!walk->header_is_older) sent = send_passed(walk);
    walk->header_is_older = false;
    walk->at = walk->from = behind;
    if (sent != GUARD_OK) return sent;
    return buffer_add(&guard->suback, header, LARGEST_SUBACK + sizeof guard->header)
               ? GUARD_OK
               : guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "out_of_memory");
}

/* Follows the fixed header of the broker's next packet byte by byte; one that cannot be passes like
 * the rest, for the client to judge. */
static enum guard_status read_header(struct guard *guard, struct walk *walk)
{
    struct mqtt_frame frame;
    if (guard->header_length == 0) walk->header = walk->at;
    guard->header[guard->header_length++] = walk->data.data[walk->at++];
    enum mqtt_status status = mqtt_frame_decode(&frame, guard->header, guard->header_length);
    if (status == MQTT_NEED_MORE) return GUARD_OK;
    struct span header = {guard->header, guard->header_length};
    guard->header_length = 0;
    guard->backend_begun = true;
    guard->backend_passing = status == MQTT_OK ? frame.remaining_length : UINT64_MAX;
    bool is_held = status == MQTT_OK && frame.type == MQTT_SUBACK && guard->merges != NULL &&
                   frame.remaining_length <= LARGEST_SUBACK;
    return is_held ? hold_header(guard, walk, header) : pass_header(walk, header);
}

static enum guard_status hold_suback(struct guard *guard, struct walk *walk)
{
    size_t there = walk->data.length - walk->at;
    size_t step = guard->backend_passing < there ? (size_t)guard->backend_passing : there;
    if (!buffer_add(&guard->suback, (struct span){walk->data.data + walk->at, step},
                    LARGEST_SUBACK + sizeof guard->header))
        return guard_violate(guard, MQTT_REASON_QUOTA_EXCEEDED, "out_of_memory");
    guard->backend_passing -= step;
    walk->at += step;
    walk->from = walk->at;
    return guard->backend_passing == 0 ? pass_suback(guard, walk->sink) : GUARD_OK;
}

static void pass_body(struct guard *guard, struct walk *walk)
{
    size_t there = walk->data.length - walk->at;
    size_t step = guard->backend_passing < there ? (size_t)guard->backend_passing : there;
    if (guard->backend_passing != UINT64_MAX) guard->backend_passing -= step;
    walk->at += step;
}

static enum guard_status step(struct guard *guard, struct walk *walk)
{
    if (guard->suback.length > 0) return hold_suback(guard, walk);
    if (guard->backend_passing > 0) {
        pass_body(guard, walk);
        return GUARD_OK;
    }
    if (guard->answers.length > 0 && at_boundary(guard)) {
        enum guard_status status = send_passed(walk);
        return status == GUARD_OK ? guard_flush_answers(guard, walk->sink) : status;
    }
    return read_header(guard, walk);
}

enum guard_status guard_from_backend(struct guard *guard, struct span data,
                                     const struct guard_sink *sink)
{
    struct walk walk = {.data = data, .sink = sink, .header_is_older = guard->header_length > 0};
    enum guard_status status = GUARD_OK;
    while (walk.at < data.length && status == GUARD_OK)
        status = step(guard, &walk);
    if (guard->header_length > 0) walk.at = walk.header_is_older ? walk.from : walk.header;
    if (status == GUARD_OK) status = send_passed(&walk);
    return status == GUARD_OK ? guard_flush_answers(guard, sink) : status;
}
