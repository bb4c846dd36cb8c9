// SPDX-License-Identifier: GPL-3.0-or-later
/* The last retained message of each topic, bounded in bytes; what has expired goes by itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/timer_wheel.h"
#include "broker/message.h"
#include "broker/topic_tree.h"

struct retained {
    struct topic_tree topics;
    struct timer_wheel *wheel;
    uint64_t max_bytes;
    uint64_t bytes;
    size_t count;
    uint64_t refused;
    struct topic_nodes reached[2]; /* scratch of a match */
};

typedef void retained_fn(void *arg, struct message *message);

/* Keeps `wheel`. */
void retained_init(struct retained *store, struct timer_wheel *wheel, uint64_t max_bytes);
void retained_clear(struct retained *store);
/* Keeps a reference to `message` as its topic's, in the place of the one before; an empty payload
 * only removes that (MQTT 5, 3.3.1.3). False: no room, and the topic has none now: its old message
 * would be a lie. */
MUST_USE bool retained_set(struct retained *store, struct message *message, uint64_t now_ms);
/* Lends the message of a topic, or NULL; one that has just expired may still be there. */
struct message *retained_find(struct retained *store, struct span topic);
/* Calls `visit` for each message whose topic `filter` matches; it may not change the store. Each
 * topic level that is looked at costs one of `*budget`; at 0, which `visit` may set, it ends. */
void retained_match(struct retained *store, struct span filter, uint64_t now_ms, size_t *budget,
                    retained_fn *visit, void *arg);
