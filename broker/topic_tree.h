// SPDX-License-Identifier: GPL-3.0-or-later
/* Topics or topic filters as a tree of levels: `a/b` is node b below node a. The nodes of a tree
 * share one hash table, keyed by (parent, level), so that a node costs the same with one child or
 * a million. Nothing here recurses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/table.h"

/* Longer topics and filters are refused: a filter of 64 KiB would make 32,768 nodes. */
enum { TOPIC_LEVELS_MAX = 128 };

/* Its key, the parent's address and the level, lies behind it. */
struct topic_node {
    UT_hash_handle hh;
    struct topic_node *parent;
    struct topic_node *first_child;
    struct topic_node *next;  /* sibling */
    struct topic_node **link; /* what points to this one */
    struct topic_node *plus;  /* the children `+` and `#`, which every match looks at */
    struct topic_node *hash;
    void *value; /* the owner's; a node without value and children goes */
};

struct topic_tree {
    struct topic_node root;
    struct topic_node *nodes;
    size_t count;
};

/* A growing list of nodes: what a match has reached at one level. */
struct topic_nodes {
    struct topic_node **items;
    size_t count;
    size_t room;
};

/* False: out of memory. */
bool topic_nodes_push(struct topic_nodes *nodes, struct topic_node *node);
void topic_nodes_clear(struct topic_nodes *nodes);

/* Walks over the levels of a topic; `more` is false when the last one was taken. */
struct topic_levels {
    struct span left;
    bool more;
};

struct topic_levels topic_levels_of(struct span topic);
struct span topic_levels_next(struct topic_levels *levels);
size_t topic_levels_count(struct span topic);

void topic_tree_init(struct topic_tree *tree);
/* Frees every node; the values must have been seen to by the owner. */
void topic_tree_clear(struct topic_tree *tree);
/* Lends the node of `topic`, made with its ancestors where it is not there; NULL: out of memory. */
struct topic_node *topic_tree_insert(struct topic_tree *tree, struct span topic);
/* Lends the node of `topic` or NULL. */
struct topic_node *topic_tree_find(struct topic_tree *tree, struct span topic);
struct topic_node *topic_tree_child(struct topic_tree *tree, const struct topic_node *parent,
                                    struct span level);
/* Removes `node` and each ancestor that holds nothing any more. */
void topic_tree_prune(struct topic_tree *tree, struct topic_node *node);
/* The node that follows `node` in the subtree of `top`, parents first; NULL at the end. */
struct topic_node *topic_tree_next(const struct topic_node *node, const struct topic_node *top);
struct span topic_node_level(const struct topic_node *node);
