// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/retained.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct timer expiry;
    struct retained *store;
    struct topic_node *node;
    struct message *message;
};

void retained_init(struct retained *store, struct timer_wheel *wheel, uint64_t max_bytes)
{
    memset(store, 0, sizeof *store);
    topic_tree_init(&store->topics);
    store->wheel = wheel;
    store->max_bytes = max_bytes;
}

/* What a message costs, its nodes in the tree included (each level is one, at most). */
static uint64_t cost(const struct message *message)
{
    return message_size(message) + message->topic_length + sizeof(struct entry) +
           topic_levels_count(message_topic(message)) * sizeof(struct topic_node);
}

static void drop(struct entry *entry)
{
    struct retained *store = entry->store;
    timer_clear(&entry->expiry);
    store->bytes -= cost(entry->message);
    store->count--;
    message_unref(entry->message);
    entry->node->value = NULL;
    topic_tree_prune(&store->topics, entry->node);
    free(entry);
}

static void on_expired(struct timer *timer)
{
    drop(CONTAINER_OF(timer, struct entry, expiry));
}

void retained_clear(struct retained *store)
{
    const struct topic_node *top = &store->topics.root;
    for (struct topic_node *node = topic_tree_next(top, top); node != NULL;
         node = topic_tree_next(node, top)) {
        struct entry *entry = node->value;
        if (entry == NULL) continue;
        timer_clear(&entry->expiry);
        message_unref(entry->message);
        free(entry);
    }
    topic_tree_clear(&store->topics);
    topic_nodes_clear(&store->reached[0]);
    topic_nodes_clear(&store->reached[1]);
    store->bytes = 0;
    store->count = 0;
}

bool retained_set(struct retained *store, struct message *message, uint64_t now_ms)
{
    struct topic_node *node = topic_tree_find(&store->topics, message_topic(message));
    if (node != NULL && node->value != NULL) drop(node->value);
    if (message->payload_length == 0) return true;
    if (store->bytes + cost(message) > store->max_bytes) {
        store->refused++;
        return false;
    }
    node = topic_tree_insert(&store->topics, message_topic(message));
    if (node == NULL) return false;
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        topic_tree_prune(&store->topics, node);
        return false;
    }
    *entry = (struct entry){.store = store, .node = node, .message = message_ref(message)};
    node->value = entry;
    store->bytes += cost(message);
    store->count++;
    if (message->expires_at_ms != 0) {
        uint64_t left = message->expires_at_ms > now_ms ? message->expires_at_ms - now_ms : 0;
        timer_set(store->wheel, &entry->expiry, left, on_expired);
    }
    return true;
}

struct message *retained_find(struct retained *store, struct span topic)
{
    const struct topic_node *node = topic_tree_find(&store->topics, topic);
    const struct entry *entry = node == NULL ? NULL : node->value;
    return entry == NULL ? NULL : entry->message;
}

struct match {
    struct retained *store;
    uint64_t now_ms;
    size_t *budget;
    retained_fn *visit;
    void *arg;
};

static void visit_node(const struct match *match, const struct topic_node *node)
{
    const struct entry *entry = node->value;
    if (entry == NULL || message_expired(entry->message, match->now_ms)) return;
    match->visit(match->arg, entry->message);
}

static bool spend(const struct match *match)
{
    if (*match->budget == 0) return false;
    --*match->budget;
    return true;
}

static bool is_dollar(const struct topic_node *node)
{
    struct span level = topic_node_level(node);
    return level.length != 0 && level.data[0] == '$';
}

static void visit_subtree(const struct match *match, const struct topic_node *top, bool with_dollar)
{
    if (top->parent != NULL && spend(match)) visit_node(match, top);
    for (const struct topic_node *child = top->first_child; child != NULL; child = child->next) {
        if (!with_dollar && is_dollar(child)) continue;
        for (const struct topic_node *at = child; at != NULL; at = topic_tree_next(at, child)) {
            if (!spend(match)) return;
            visit_node(match, at);
        }
    }
}

/* One level of the filter further: from `here` into `below`. */
static void step(const struct match *match, struct span level, const struct topic_nodes *here,
                 struct topic_nodes *below, bool with_dollar)
{
    struct topic_tree *topics = &match->store->topics;
    below->count = 0;
    for (size_t i = 0; i < here->count && spend(match); i++) {
        if (!span_is(level, "+")) {
            struct topic_node *child = topic_tree_child(topics, here->items[i], level);
            if (child != NULL) (void)topic_nodes_push(below, child); /* no memory: not reached */
            continue;
        }
        for (struct topic_node *at = here->items[i]->first_child; at != NULL; at = at->next) {
            if (!spend(match)) return;
            if (with_dollar || !is_dollar(at)) (void)topic_nodes_push(below, at);
        }
    }
}

// NOLINTNEXTLINE(readability-non-const-parameter): spent through `match`
void retained_match(struct retained *store, struct span filter, uint64_t now_ms, size_t *budget,
                    retained_fn *visit, void *arg)
{
    const struct match match = {store, now_ms, budget, visit, arg};
    struct topic_levels levels = topic_levels_of(filter);
    struct topic_nodes *here = &store->reached[0];
    struct topic_nodes *below = &store->reached[1];
    bool first = true;
    here->count = 0;
    (void)topic_nodes_push(here, &store->topics.root); /* without memory nothing is found */
    while (levels.more) {
        struct span level = topic_levels_next(&levels);
        if (span_is(level, "#")) {
            for (size_t i = 0; i < here->count; i++)
                visit_subtree(&match, here->items[i], !first);
            return;
        }
        step(&match, level, here, below, !first);
        first = false;
        struct topic_nodes *swap = here;
        here = below;
        below = swap;
    }
    for (size_t i = 0; i < here->count && spend(&match); i++)
        visit_node(&match, here->items[i]);
}
