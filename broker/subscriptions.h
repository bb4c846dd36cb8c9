// SPDX-License-Identifier: GPL-3.0-or-later
/* Who wants which topics: subscriptions hang on the nodes of a tree of filters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "broker/topic_tree.h"

/* MQTT 5, 3.8.3.1; before it only the QoS is ever set. */
struct subscription_options {
    uint8_t qos;
    bool no_local;
    bool retain_as_published;
    uint8_t retain_handling;
    uint32_t identifier; /* 0: none */
};

/* Embedded in what subscribes; zero-initialised has no subscription. */
struct subscriber {
    struct subscription *first;
    size_t count;
};

struct subscription {
    UT_hash_handle hh;
    struct {
        struct subscriber *subscriber;
        struct topic_node *node;
    } key;
    struct subscription *next; /* of the same filter */
    struct subscription *previous;
    struct subscription *sibling; /* of the same subscriber */
    struct subscription **sibling_link;
    struct subscription_options options;
};

struct subscriptions {
    struct topic_tree filters;
    struct subscription *all;
    struct topic_nodes reached[2]; /* scratch of a match */
};

typedef void subscription_fn(void *arg, const struct subscription *subscription);

void subscriptions_init(struct subscriptions *set);
/* Frees every subscription; the subscribers are left empty. */
void subscriptions_clear(struct subscriptions *set);
/* Adds or replaces; `filter` is valid and at most TOPIC_LEVELS_MAX deep. Keeps `subscriber` until
 * it is removed. False: out of memory. */
MUST_USE bool subscriptions_add(struct subscriptions *set, struct subscriber *subscriber,
                                struct span filter, const struct subscription_options *options,
                                bool *existed);
/* False: there was none. */
bool subscriptions_remove(struct subscriptions *set, struct subscriber *subscriber,
                          struct span filter);
size_t subscriptions_count(const struct subscriptions *set);
void subscriptions_remove_all(struct subscriptions *set, struct subscriber *subscriber);
/* Calls `visit` for each subscription whose filter matches `topic`; it may change none of them.
 * A topic that begins with $ is matched by no wildcard at the first level (MQTT 5, 4.7.2). */
void subscriptions_match(struct subscriptions *set, struct span topic, subscription_fn *visit,
                         void *arg);
