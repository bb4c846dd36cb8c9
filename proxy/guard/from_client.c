// SPDX-License-Identifier: GPL-3.0-or-later
/* From the client to the broker: each packet is judged as soon as enough of it is there, and what
 * passes goes on as it came. */
#include "mqtt/reason.h"
#include "proxy/guard/guard_private.h"

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
static enum guard_status carry_out(struct guard *guard, struct walk *walk,
                                   enum guard_verdict verdict, struct span start, uint64_t whole,
                                   bool held)
{
    enum guard_status status = GUARD_OK;
    switch (verdict) {
    case VERDICT_PASS:
        if (held && !walk->sink->to_backend(walk->sink->arg, start)) status = GUARD_BROKEN;
        guard->passing = held ? whole - start.length : whole;
        break;
    case VERDICT_DROP:
        guard->dropping = held ? whole - start.length : whole;
        break;
    case VERDICT_TAKE_WHOLE:
        if (!held && !send_passed(walk)) return GUARD_BROKEN;
        status = guard_take_subscribe(guard, (struct span){start.data, (size_t)whole}, walk->sink);
        if (!held) {
            walk->at += (size_t)whole;
            walk->from = walk->at;
        }
        break;
    case VERDICT_VIOLATED:
        return GUARD_VIOLATION;
    case VERDICT_UNDECIDED:
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
        enum guard_verdict verdict = guard_judge(guard, start, &whole, &needed);
        if (verdict != VERDICT_UNDECIDED)
            return carry_out(guard, walk, verdict, start, whole, true);
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
    enum guard_verdict verdict = guard_judge(guard, start, &whole, &needed);
    if (verdict != VERDICT_UNDECIDED) return carry_out(guard, walk, verdict, start, whole, false);
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
