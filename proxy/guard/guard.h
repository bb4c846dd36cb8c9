// SPDX-License-Identifier: GPL-3.0-or-later
/* Watches over what one client sends, where its rule or its listener says what it may: topics, and
 * the size of packets. Packets are followed through any splitting; what is allowed passes as it
 * came, without a copy of its payload. Pure: no socket, no clock. Thread: its loop's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"
#include "proxy/guard/topics.h"

struct guard;

struct guard_settings {
    enum mqtt_version version;
    struct topics *publish;   /* taken; NULL: not looked at */
    struct topics *subscribe; /* likewise */
    bool close_on_violation;  /* of a QoS 0 PUBLISH */
    uint64_t max_packet_size; /* bytes; 0: any */
};

/* Where it puts what passes; each returns false when that side is broken. */
struct guard_sink {
    bool (*to_backend)(void *arg, struct span data);
    bool (*to_client)(void *arg, struct span data);
    void *arg;
};

enum guard_status {
    GUARD_OK,
    GUARD_BROKEN,   /* a sink returned false */
    GUARD_VIOLATION /* the session has to end: guard_violation says why */
};

struct guard_violation {
    uint8_t code;       /* for MQTT 5's DISCONNECT */
    const char *reason; /* a constant word for the log */
};

/* Gives a guard (guard_free) that takes the topics, also when it is NULL: out of memory. */
struct guard *guard_new(const struct guard_settings *settings);
void guard_free(struct guard *guard);
/* Begins inside streams that have been going on: so many bytes of each side's current packet are
 * still to come. */
void guard_begin_inside(struct guard *guard, uint64_t client_left, uint64_t backend_left);
/* Judges by other topics from the next packet on; takes them. An alias that was set while none were
 * looked at is a violation then, for nobody knows its topic. */
void guard_set_topics(struct guard *guard, struct topics *publish, struct topics *subscribe,
                      bool close_on_violation);
bool guard_may_publish(const struct guard *guard, struct span topic);

/* Goes on with what the client sent, its CONNECT first. */
MUST_USE enum guard_status guard_from_client(struct guard *guard, struct span data,
                                             const struct guard_sink *sink);
/* Goes on with what the broker sent, its CONNACK first: answers of the guard's own are put between
 * two packets, and SUBACKs are completed. */
MUST_USE enum guard_status guard_from_backend(struct guard *guard, struct span data,
                                              const struct guard_sink *sink);
struct guard_violation guard_violation(const struct guard *guard);
/* PUBLISH packets that have begun so far. */
uint64_t guard_publishes(const struct guard *guard);
