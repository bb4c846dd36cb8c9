// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/subscriptions.h"

#include <stdlib.h>
#include <string.h>

void subscriptions_init(struct subscriptions *set)
{
    memset(set, 0, sizeof *set);
    topic_tree_init(&set->filters);
}

static void link_to_node(struct subscription *subscription)
{
    struct topic_node *node = subscription->key.node;
    subscription->next = node->value;
    if (subscription->next != NULL) subscription->next->previous = subscription;
    node->value = subscription;
}

static void link_to_subscriber(struct subscription *subscription)
{
    struct subscriber *subscriber = subscription->key.subscriber;
    subscription->sibling = subscriber->first;
    subscription->sibling_link = &subscriber->first;
    if (subscription->sibling != NULL) subscription->sibling->sibling_link = &subscription->sibling;
    subscriber->first = subscription;
    subscriber->count++;
}

static void unlink_all(struct subscription *subscription)
{
    if (subscription->next != NULL) subscription->next->previous = subscription->previous;
    if (subscription->previous != NULL) subscription->previous->next = subscription->next;
    if (subscription->previous == NULL) subscription->key.node->value = subscription->next;
    *subscription->sibling_link = subscription->sibling;
    if (subscription->sibling != NULL)
        subscription->sibling->sibling_link = subscription->sibling_link;
    subscription->key.subscriber->count--;
}

static void drop(struct subscriptions *set, struct subscription *subscription)
{
    unlink_all(subscription);
    HASH_DEL(set->all, subscription);
    topic_tree_prune(&set->filters, subscription->key.node);
    free(subscription);
}

void subscriptions_clear(struct subscriptions *set)
{
    struct subscription *subscription = NULL;
    struct subscription *next = NULL;
    HASH_ITER(hh, set->all, subscription, next)
    {
        drop(set, subscription);
    }
    topic_tree_clear(&set->filters);
    topic_nodes_clear(&set->reached[0]);
    topic_nodes_clear(&set->reached[1]);
}

static struct subscription *look_up(struct subscriptions *set, struct subscriber *subscriber,
                                    struct topic_node *node)
{
    struct subscription *subscription = NULL;
    struct subscription wanted = {
        .key = {subscriber, node}
    };
    HASH_FIND(hh, set->all, &wanted.key, sizeof wanted.key, subscription);
    return subscription;
}

bool subscriptions_add(struct subscriptions *set, struct subscriber *subscriber, struct span filter,
                       const struct subscription_options *options, bool *existed)
{
    struct topic_node *node = topic_tree_insert(&set->filters, filter);
    if (node == NULL) return false;
    struct subscription *subscription = look_up(set, subscriber, node);
    *existed = subscription != NULL;
    if (subscription == NULL) {
        subscription = calloc(1, sizeof *subscription);
        if (subscription == NULL) {
            topic_tree_prune(&set->filters, node);
            return false;
        }
        subscription->key.subscriber = subscriber;
        subscription->key.node = node;
        link_to_node(subscription);
        link_to_subscriber(subscription);
        HASH_ADD(hh, set->all, key, sizeof subscription->key, subscription);
    }
    subscription->options = *options;
    return true;
}

bool subscriptions_remove(struct subscriptions *set, struct subscriber *subscriber,
                          struct span filter)
{
    struct topic_node *node = topic_tree_find(&set->filters, filter);
    struct subscription *subscription = node == NULL ? NULL : look_up(set, subscriber, node);
    if (subscription == NULL) return false;
    drop(set, subscription);
    return true;
}

void subscriptions_remove_all(struct subscriptions *set, struct subscriber *subscriber)
{
    while (subscriber->first != NULL)
        drop(set, subscriber->first); // NOLINT(clang-analyzer-*): each time the next one
}

size_t subscriptions_count(const struct subscriptions *set)
{
    return HASH_COUNT(set->all);
}

static void visit_all(const struct topic_node *node, subscription_fn *visit, void *arg)
{
    if (node == NULL) return;
    for (const struct subscription *at = node->value; at != NULL; at = at->next)
        visit(arg, at);
}

void subscriptions_match(struct subscriptions *set, struct span topic, subscription_fn *visit,
                         void *arg)
{
    struct topic_levels levels = topic_levels_of(topic);
    struct topic_nodes *here = &set->reached[0];
    struct topic_nodes *below = &set->reached[1];
    bool wildcards = topic.length == 0 || topic.data[0] != '$';
    here->count = 0;
    (void)topic_nodes_push(here, &set->filters.root); /* without memory nobody is reached */
    while (levels.more && here->count != 0) {
        struct span level = topic_levels_next(&levels);
        below->count = 0;
        for (size_t i = 0; i < here->count; i++) {
            struct topic_node *child = topic_tree_child(&set->filters, here->items[i], level);
            if (child != NULL) (void)topic_nodes_push(below, child);
            if (!wildcards) continue;
            visit_all(here->items[i]->hash, visit, arg);
            if (here->items[i]->plus != NULL) (void)topic_nodes_push(below, here->items[i]->plus);
        }
        wildcards = true;
        struct topic_nodes *swap = here;
        here = below;
        below = swap;
    }
    for (size_t i = 0; i < here->count; i++) {
        visit_all(here->items[i], visit, arg);
        visit_all(here->items[i]->hash, visit, arg); /* "a/#" matches "a" */
    }
}
