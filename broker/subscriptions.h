// SPDX-License-Identifier: GPL-3.0-or-later
/* Who wants which topics: subscriptions hang on the nodes of a tree of filters. Those that are
 * shared ($share/NAME/FILTER) hang in a tree of their own, by the share that they are members of.
 */
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

struct subscription;

/* The members of one share name for one filter: each message is for one of them (MQTT 5, 4.8.2). */
struct share {
    struct share *next; /* of the same filter */
    struct topic_node *node;
    struct subscription *first;
    struct subscription *turn; /* whose turn it is, or NULL: the first one's */
    size_t references;         /* the members', and whoever keeps it */
    size_t name_length;
    uint8_t name[];
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
        const void *place; /* its node, or its share */
    } key;
    struct topic_node *node;
    struct share *share;       /* NULL: it is not shared */
    struct subscription *next; /* of the same filter, or of the same share */
    struct subscription *previous;
    struct subscription *sibling; /* of the same subscriber */
    struct subscription **sibling_link;
    struct subscription_options options;
};

struct subscriptions {
    struct topic_tree filters;
    struct topic_tree shared; /* the filters of shares, without their names */
    struct subscription *all;
    struct topic_nodes reached[2]; /* scratch of a match */
};

/* For a subscription that matches, or for a share of which one member is to be chosen. */
struct subscription_visitor {
    void (*subscription)(void *arg, const struct subscription *subscription);
    void (*share)(void *arg, struct share *share);
    void *arg;
};

void subscriptions_init(struct subscriptions *set);
/* Frees every subscription; the subscribers are left empty. */
void subscriptions_clear(struct subscriptions *set);
/* Adds or replaces; `filter` is valid, $share/ and all, and at most TOPIC_LEVELS_MAX deep. Keeps
 * `subscriber` until it is removed. False: out of memory. */
MUST_USE bool subscriptions_add(struct subscriptions *set, struct subscriber *subscriber,
                                struct span filter, const struct subscription_options *options,
                                bool *existed);
/* False: there was none. */
bool subscriptions_remove(struct subscriptions *set, struct subscriber *subscriber,
                          struct span filter);
size_t subscriptions_count(const struct subscriptions *set);
void subscriptions_remove_all(struct subscriptions *set, struct subscriber *subscriber);
/* Calls `visitor` for each subscription and each share whose filter matches `topic`; it may change
 * none of them but whose turn it is. A topic that begins with $ is matched by no wildcard at the
 * first level (MQTT 5, 4.7.2). */
void subscriptions_match(struct subscriptions *set, struct span topic,
                         const struct subscription_visitor *visitor);
/* Whoever keeps a share beyond its last member; it may then have none. */
struct share *share_ref(struct share *share);
void share_unref(struct share *share);
/* $share/NAME/FILTER: says so, and takes it apart. False: it is no shared filter. */
bool subscriptions_split(struct span filter, struct span *name, struct span *plain);
