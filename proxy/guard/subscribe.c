// SPDX-License-Identifier: GPL-3.0-or-later
/* A SUBSCRIBE goes on with the filters that are allowed; what became of the others is put into the
 * broker's answer (answers.c), or is the answer. */
#include <stdlib.h>
#include <string.h>

#include "mqtt/frame.h"
#include "mqtt/reason.h"
#include "mqtt/subscribe.h"
#include "proxy/guard/guard_private.h"

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

enum guard_status guard_take_subscribe(struct guard *guard, struct span packet,
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
