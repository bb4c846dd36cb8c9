// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/subscriptions.h"

#include <stdlib.h>
#include <string.h>

void subscriptions_init(struct subscriptions *set)
{
    memset(set, 0, sizeof *set);
    topic_tree_init(&set->filters);
    topic_tree_init(&set->shared);
}

bool subscriptions_split(struct span filter, struct span *name, struct span *plain)
{
    static const char prefix[] = "$share/";
    const size_t skip = sizeof prefix - 1;
    if (filter.length < skip || memcmp(filter.data, prefix, skip) != 0) return false;
    struct topic_levels levels = topic_levels_of(
        (struct span){filter.data + skip, filter.length - skip});
    *name = topic_levels_next(&levels);
    *plain = levels.more ? levels.left : (struct span){0};
    return true;
}

struct share *share_ref(struct share *share)
{
    if (share != NULL) share->references++;
    return share;
}

void share_unref(struct share *share)
{
    if (share == NULL) return;
    assert(share->references > 0);
    if (--share->references == 0) free(share);
}

/* The share with this name on a node, or NULL. */
static struct share *share_find(const struct topic_node *node, struct span name)
{
    struct share *share = node->value;
    while (share != NULL && !span_equal(name, (struct span){share->name, share->name_length}))
        share = share->next;
    return share;
}

/* The same, made if it is not there; NULL: out of memory. */
static struct share *share_made(struct topic_node *node, struct span name)
{
    struct share *share = share_find(node, name);
    if (share != NULL) return share;
    share = calloc(1, sizeof *share + name.length);
    if (share == NULL) return NULL;
    share->node = node;
    share->name_length = name.length;
    memcpy(share->name, name.data, name.length);
    share->next = node->value;
    node->value = share;
    return share;
}

/* Takes a share without members off its node. */
static void share_detach(struct share *share)
{
    struct share *at = share->node->value;
    if (at == share) share->node->value = share->next;
    while (at != share && at->next != share)
        at = at->next;
    if (at != share) at->next = share->next;
}

/* The head of the list that a subscription is in. */
static void link_first(struct subscription *subscription, struct subscription *first)
{
    subscription->next = first;
    if (first != NULL) first->previous = subscription;
    if (subscription->share != NULL)
        share_ref(subscription->share)->first = subscription;
    else
        subscription->node->value = subscription;
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
    struct share *share = subscription->share;
    if (subscription->next != NULL) subscription->next->previous = subscription->previous;
    if (subscription->previous != NULL) subscription->previous->next = subscription->next;
    if (share != NULL && share->turn == subscription) share->turn = subscription->next;
    if (subscription->previous == NULL && share != NULL) share->first = subscription->next;
    if (subscription->previous == NULL && share == NULL)
        subscription->node->value = subscription->next;
    *subscription->sibling_link = subscription->sibling;
    if (subscription->sibling != NULL)
        subscription->sibling->sibling_link = subscription->sibling_link;
    subscription->key.subscriber->count--;
}

static void drop(struct subscriptions *set, struct subscription *subscription)
{
    struct share *share = subscription->share;
    struct topic_node *node = subscription->node;
    unlink_all(subscription);
    HASH_DEL(set->all, subscription);
    free(subscription);
    if (share != NULL && share->first == NULL) share_detach(share);
    share_unref(share);
    topic_tree_prune(share != NULL ? &set->shared : &set->filters, node);
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
    topic_tree_clear(&set->shared);
    topic_nodes_clear(&set->reached[0]);
    topic_nodes_clear(&set->reached[1]);
}

static struct subscription *look_up(struct subscriptions *set, struct subscriber *subscriber,
                                    const void *place)
{
    struct subscription *subscription = NULL;
    struct subscription wanted = {
        .key = {subscriber, place}
    };
    HASH_FIND(hh, set->all, &wanted.key, sizeof wanted.key, subscription);
    return subscription;
}

/* A new one at `node`, or in `share` there; NULL: out of memory. */
static struct subscription *add_new(struct subscriptions *set, struct subscriber *subscriber,
                                    struct topic_node *node, struct share *share)
{
    struct subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL) return NULL;
    subscription->key.subscriber = subscriber;
    subscription->key.place = share != NULL ? (void *)share : (void *)node;
    subscription->node = node;
    subscription->share = share;
    HASH_ADD(hh, set->all, key, sizeof subscription->key, subscription);
    if (subscription->hh.tbl == NULL) {
        free(subscription);
        return NULL;
    }
    link_first(subscription, share != NULL ? share->first : node->value);
    link_to_subscriber(subscription);
    return subscription;
}

/* Undoes what was made for a subscription that there is no memory for. */
static bool give_up(struct topic_tree *tree, struct topic_node *node, struct share *share)
{
    if (share != NULL && share->first == NULL) {
        share_detach(share);
        free(share);
    }
    topic_tree_prune(tree, node);
    return false;
}

bool subscriptions_add(struct subscriptions *set, struct subscriber *subscriber, struct span filter,
                       const struct subscription_options *options, bool *existed)
{
    struct span name;
    bool shared = subscriptions_split(filter, &name, &filter);
    struct topic_tree *tree = shared ? &set->shared : &set->filters;
    struct topic_node *node = topic_tree_insert(tree, filter);
    if (node == NULL) return false;
    struct share *share = shared ? share_made(node, name) : NULL;
    if (shared && share == NULL) return give_up(tree, node, NULL);
    struct subscription *subscription = look_up(set, subscriber,
                                                shared ? (void *)share : (void *)node);
    *existed = subscription != NULL;
    if (subscription == NULL) subscription = add_new(set, subscriber, node, share);
    if (subscription == NULL) return give_up(tree, node, share);
    subscription->options = *options;
    return true;
}

bool subscriptions_remove(struct subscriptions *set, struct subscriber *subscriber,
                          struct span filter)
{
    struct span name;
    bool shared = subscriptions_split(filter, &name, &filter);
    struct topic_node *node = topic_tree_find(shared ? &set->shared : &set->filters, filter);
    const void *place = node;
    if (node != NULL && shared) place = share_find(node, name);
    struct subscription *subscription = place == NULL ? NULL : look_up(set, subscriber, place);
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

static void visit_node(const struct topic_node *node, const struct subscription_visitor *visitor,
                       bool shared)
{
    if (node == NULL) return;
    for (struct share *at = shared ? node->value : NULL; at != NULL; at = at->next)
        visitor->share(visitor->arg, at);
    for (const struct subscription *at = shared ? NULL : node->value; at != NULL; at = at->next)
        visitor->subscription(visitor->arg, at);
}

static void match(struct subscriptions *set, struct topic_tree *tree, struct span topic,
                  const struct subscription_visitor *visitor)
{
    struct topic_levels levels = topic_levels_of(topic);
    struct topic_nodes *here = &set->reached[0];
    struct topic_nodes *below = &set->reached[1];
    bool shared = tree == &set->shared;
    bool wildcards = topic.length == 0 || topic.data[0] != '$';
    here->count = 0;
    (void)topic_nodes_push(here, &tree->root); /* without memory nobody is reached */
    while (levels.more && here->count != 0) {
        struct span level = topic_levels_next(&levels);
        below->count = 0;
        for (size_t i = 0; i < here->count; i++) {
            struct topic_node *child = topic_tree_child(tree, here->items[i], level);
            if (child != NULL) (void)topic_nodes_push(below, child);
            if (!wildcards) continue;
            visit_node(here->items[i]->hash, visitor, shared);
            if (here->items[i]->plus != NULL) (void)topic_nodes_push(below, here->items[i]->plus);
        }
        wildcards = true;
        struct topic_nodes *swap = here;
        here = below;
        below = swap;
    }
    for (size_t i = 0; i < here->count; i++) {
        visit_node(here->items[i], visitor, shared);
        visit_node(here->items[i]->hash, visitor, shared); /* "a/#" matches "a" */
    }
}

void subscriptions_match(struct subscriptions *set, struct span topic,
                         const struct subscription_visitor *visitor)
{
    match(set, &set->filters, topic, visitor);
    if (set->shared.count != 0) match(set, &set->shared, topic, visitor);
}
