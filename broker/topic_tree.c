// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/topic_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct topic_levels topic_levels_of(struct span topic)
{
    return (struct topic_levels){topic, true};
}

struct span topic_levels_next(struct topic_levels *levels)
{
    struct span level = levels->left;
    const uint8_t *slash = level.length == 0 ? NULL : memchr(level.data, '/', level.length);
    levels->more = slash != NULL;
    if (slash == NULL) return level;
    level.length = (size_t)(slash - level.data);
    levels->left.data = slash + 1;
    levels->left.length -= level.length + 1;
    return level;
}

size_t topic_levels_count(struct span topic)
{
    size_t count = 1;
    for (size_t i = 0; i < topic.length; i++)
        count += topic.data[i] == '/';
    return count;
}

bool topic_nodes_push(struct topic_nodes *nodes, struct topic_node *node)
{
    if (nodes->count == nodes->room) {
        size_t room = nodes->room == 0 ? 32 : 2 * nodes->room;
        struct topic_node **items = realloc(nodes->items, room * sizeof(struct topic_node *));
        if (items == NULL) return false;
        nodes->items = items;
        nodes->room = room;
    }
    nodes->items[nodes->count++] = node;
    return true;
}

void topic_nodes_clear(struct topic_nodes *nodes)
{
    free(nodes->items);
    *nodes = (struct topic_nodes){0};
}

void topic_tree_init(struct topic_tree *tree)
{
    hash_init();
    memset(tree, 0, sizeof *tree);
}

void topic_tree_clear(struct topic_tree *tree)
{
    struct topic_node *node = tree->nodes;
    HASH_CLEAR(hh, tree->nodes); /* the nodes themselves still hang together */
    while (node != NULL) {
        struct topic_node *next = node->hh.next;
        free(node);
        node = next;
    }
    topic_tree_init(tree);
}

enum { PARENT_BYTES = sizeof(uintptr_t) };

struct node_key {
    size_t length;
    uint8_t bytes[PARENT_BYTES + UINT16_MAX];
};

static void make_key(struct node_key *key, const struct topic_node *parent, struct span level)
{
    assert(level.length <= UINT16_MAX);
    const uintptr_t address = (uintptr_t)parent;
    memcpy(key->bytes, &address, PARENT_BYTES);
    if (level.length != 0) memcpy(key->bytes + PARENT_BYTES, level.data, level.length);
    key->length = PARENT_BYTES + level.length;
}

static struct topic_node *look_up(struct topic_tree *tree, const struct node_key *key)
{
    struct topic_node *node = NULL;
    HASH_FIND(hh, tree->nodes, key->bytes, key->length, node);
    return node;
}

struct topic_node *topic_tree_child(struct topic_tree *tree, const struct topic_node *parent,
                                    struct span level)
{
    struct node_key key;
    if (tree->nodes == NULL || parent->first_child == NULL) return NULL;
    make_key(&key, parent, level);
    return look_up(tree, &key);
}

static bool is_level(const struct topic_node *node, char level)
{
    struct span text = topic_node_level(node);
    return text.length == 1 && text.data[0] == (uint8_t)level;
}

static void note_wildcard(struct topic_node *parent, struct topic_node *child,
                          struct topic_node *value)
{
    if (is_level(child, '+')) parent->plus = value;
    if (is_level(child, '#')) parent->hash = value;
}

static struct topic_node *child_made(struct topic_tree *tree, struct topic_node *parent,
                                     struct span level)
{
    struct node_key key;
    make_key(&key, parent, level);
    struct topic_node *node = look_up(tree, &key);
    if (node != NULL) return node;
    node = malloc(sizeof *node + key.length);
    if (node == NULL) return NULL;
    memset(node, 0, sizeof *node);
    memcpy(node + 1, key.bytes, key.length);
    HASH_ADD_KEYPTR(hh, tree->nodes, (uint8_t *)(node + 1), (unsigned)key.length, node);
    if (node->hh.tbl == NULL) {
        free(node);
        return NULL;
    }
    node->parent = parent;
    node->next = parent->first_child;
    node->link = &parent->first_child;
    if (node->next != NULL) node->next->link = &node->next;
    parent->first_child = node;
    tree->count++;
    note_wildcard(parent, node, node);
    return node;
}

struct topic_node *topic_tree_insert(struct topic_tree *tree, struct span topic)
{
    struct topic_levels levels = topic_levels_of(topic);
    struct topic_node *node = &tree->root;
    while (levels.more) {
        struct topic_node *child = child_made(tree, node, topic_levels_next(&levels));
        if (child == NULL) {
            topic_tree_prune(tree, node);
            return NULL;
        }
        node = child;
    }
    return node;
}

struct topic_node *topic_tree_find(struct topic_tree *tree, struct span topic)
{
    struct topic_levels levels = topic_levels_of(topic);
    struct topic_node *node = &tree->root;
    while (levels.more && node != NULL)
        node = topic_tree_child(tree, node, topic_levels_next(&levels));
    return node;
}

void topic_tree_prune(struct topic_tree *tree, struct topic_node *node)
{
    while (node != &tree->root && node->value == NULL && node->first_child == NULL) {
        struct topic_node *parent = node->parent;
        *node->link = node->next;
        if (node->next != NULL) node->next->link = node->link;
        note_wildcard(parent, node, NULL);
        HASH_DEL(tree->nodes, node); // NOLINT(clang-analyzer-*): a node of ours is in the table
        tree->count--;
        free(node);
        node = parent;
    }
}

struct topic_node *topic_tree_next(const struct topic_node *node, const struct topic_node *top)
{
    if (node->first_child != NULL) return node->first_child;
    while (node != top && node->next == NULL)
        node = node->parent;
    return node == top ? NULL : node->next;
}

struct span topic_node_level(const struct topic_node *node)
{
    return (struct span){(const uint8_t *)(node + 1) + PARENT_BYTES,
                         node->hh.keylen - PARENT_BYTES};
}
