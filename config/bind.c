// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/bind.h"

#include <stdint.h>
#include <string.h>

enum { NAMES_MAX = 64 };

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static bool is_short(const struct schema_map *map, const yaml_node_t *node);
static void bind_short(struct bind *bind, const struct schema_map *map, const char *name,
                       const yaml_node_t *node, void *base);

static size_t item_size(const struct schema_key *key)
{
    if (key->kind == SCHEMA_MAP) return key->map->size;
    if (key->kind == SCHEMA_CIDR) return sizeof(struct config_cidr);
    return sizeof(char *);
}

static void bind_items(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                       void *base)
{
    bool several = document_is_list(node);
    size_t count = several ? document_count(node) : 1;
    size_t size = item_size(key);
    if (!bind_step(bind, document_mark(node), count)) return;
    /* One more in front, where bind_own_certificate may put another. */
    char *items = (char *)arena_take(bind->arena, count + 1, size) + size;
    memcpy(at(base, key->offset), &items, sizeof items);
    memcpy(at(base, key->count_offset), &count, sizeof count);
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = several ? document_item(bind->document, node, i) : node;
        void *field = items + i * size;
        if (key->kind == SCHEMA_MAP && is_short(key->map, item)) {
            bind_short(bind, key->map, key->name, item, field);
        } else if (key->kind == SCHEMA_MAP) {
            bind_map(bind, key->map, item, field);
        } else {
            bind_note_place(bind, field, document_mark(item));
            bind_scalar(bind, key, item, field);
        }
    }
}

static void bind_word_set(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                          void *field)
{
    size_t count = document_is_list(node) ? document_count(node) : 0;
    if (!document_is_list(node)) bind_scalar(bind, key, node, field);
    if (!bind_step(bind, document_mark(node), count)) return;
    for (size_t i = 0; i < count; i++)
        bind_scalar(bind, key, document_item(bind->document, node, i), field);
}

static void bind_list(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                      void *base)
{
    struct config_mark mark = document_mark(node);
    if (document_is_null(node)) {
        diagnostics_error(bind->found, mark, "%s has no value: give it one, or remove the key",
                          key->name);
        return;
    }
    if (key->kind == SCHEMA_MAP && !document_is_list(node) && !key->map->scalar_key) {
        diagnostics_error(bind->found, mark,
                          "%s: a list is expected, whose items begin with -, and this is %s",
                          key->name, document_kind(node));
        return;
    }
    if (key->required && document_is_list(node) && document_count(node) == 0) {
        diagnostics_error(bind->found, mark, "%s: at least one is needed", key->name);
        return;
    }
    bind_note_place(bind, at(base, key->offset), mark);
    if (key->kind == SCHEMA_WORD)
        bind_word_set(bind, key, node, at(base, key->offset));
    else
        bind_items(bind, key, node, base);
}

/* A map means true, or the first word. */
static void bind_on(const struct schema_key *key, void *field)
{
    bool on = true;
    unsigned first = 1;
    assert(key->words_count == 0 || (key->words[0].value == first && key->size == sizeof first));
    if (key->words_count == 0)
        memcpy(field, &on, sizeof on);
    else
        memcpy(field, &first, sizeof first);
}

static void bind_switched(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                          void *base)
{
    if (document_is_map(node)) {
        bind_on(key, at(base, key->offset));
        bind_map(bind, key->map, node, at(base, key->map_offset));
        return;
    }
    bind_defaults(bind, key->map, at(base, key->map_offset));
    bind_scalar(bind, key, node, at(base, key->offset));
}

/* The names are the user's own, so a second one of them is no slip of ours to guess at. */
static bool take_name(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                      const struct config_pairs *pairs, char **name)
{
    if (!document_is_scalar(node) || document_length(node) == 0 ||
        strlen(document_text(node)) != document_length(node)) {
        diagnostics_error(bind->found, document_mark(node),
                          "%s: a name is expected in front of the colon, and this is %s", key->name,
                          document_is_scalar(node) ? "none" : document_kind(node));
        return false;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].name, document_text(node)) != 0) continue;
        diagnostics_error(bind->found, document_mark(node),
                          "duplicate key \"%.60s\" in %s, as in line %u: remove one of them",
                          document_text(node), key->name, pairs->items[i].mark.line);
        return false;
    }
    *name = arena_text(bind->arena, document_text(node), document_length(node));
    return true;
}

static void bind_names(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                       struct config_pairs *pairs)
{
    size_t count = document_count(node);
    if (!document_is_map(node)) {
        diagnostics_error(bind->found, document_mark(node),
                          "%s: a map of names and values is expected, and this is %s", key->name,
                          document_kind(node));
        return;
    }
    if (count > NAMES_MAX) {
        diagnostics_error(bind->found, document_mark(node), "%s: there can be %d at most",
                          key->name, NAMES_MAX);
        return;
    }
    if (!bind_step(bind, document_mark(node), count)) return;
    pairs->items = arena_take(bind->arena, count, sizeof *pairs->items);
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *value = document_value(bind->document, node, i);
        struct config_pair pair = {.mark = document_mark(value)};
        if (!take_name(bind, key, document_key(bind->document, node, i), pairs, &pair.name))
            continue;
        bind_scalar(bind, key, value, &pair.value);
        pairs->items[pairs->count++] = pair;
    }
}

static void bind_key(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                     void *base)
{
    if (key->offset == SCHEMA_NOWHERE) return;
    void *field = at(base, key->offset);
    if (key->list) {
        bind_list(bind, key, node, base);
        return;
    }
    if (key->kind == SCHEMA_MAP && is_short(key->map, node)) {
        bind_short(bind, key->map, key->name, node, field);
        return;
    }
    if (key->kind == SCHEMA_MAP) {
        bind_map(bind, key->map, node, field);
        return;
    }
    if (key->kind == SCHEMA_PAIRS) {
        bind_names(bind, key, node, field);
        return;
    }
    const void *place = field;
    if (key->kind == SCHEMA_IDLE) place = &((struct config_limits *)field)->idle;
    if (key->kind == SCHEMA_BACKEND || key->kind == SCHEMA_POLICY) *(size_t *)field = SIZE_MAX;
    bind_note_place(bind, place, document_mark(node));
    /* A value that cannot be read leaves the default, lest rules across keys complain as well. */
    if (key->initial) bind_initial(bind, key, field);
    if (key->kind == SCHEMA_SWITCHED_MAP)
        bind_switched(bind, key, node, base);
    else
        bind_scalar(bind, key, node, field);
}

static void bind_default(struct bind *bind, const struct schema_key *key, void *base)
{
    if (key->offset == SCHEMA_NOWHERE) return;
    void *field = at(base, key->offset);
    if (key->kind == SCHEMA_BACKEND || key->kind == SCHEMA_POLICY)
        *(size_t *)field = SIZE_MAX;
    else if (key->kind == SCHEMA_MAP && !key->list)
        bind_defaults(bind, key->map, field);
    else if (key->initial)
        bind_initial(bind, key, field);
    if (key->kind == SCHEMA_SWITCHED_MAP) bind_defaults(bind, key->map, at(base, key->map_offset));
}

void bind_defaults(struct bind *bind, const struct schema_map *map, void *base)
{
    for (size_t i = 0; i < map->count; i++)
        bind_default(bind, &map->keys[i], base);
}

static void set_mark(const struct schema_map *map, void *base, struct config_mark mark)
{
    if (map->mark_offset != SCHEMA_NOWHERE) memcpy(at(base, map->mark_offset), &mark, sizeof mark);
}

/* The certificate that stands in the tls map itself becomes the first of the list. */
static void bind_own_certificate(struct bind *bind, const struct schema_map *map,
                                 const yaml_node_t *node, struct config_tls *tls)
{
    const yaml_node_t *certificate = document_find(bind->document, node, "certificate");
    const yaml_node_t *private_key = document_find(bind->document, node, "private_key");
    struct config_mark mark = document_mark(node);
    if (!certificate && !private_key) {
        if (tls->certificates_count == 0)
            diagnostics_error(bind->found, mark,
                              "tls needs a certificate: add the keys certificate and private_key, "
                              "which name its files");
        return;
    }
    if (!certificate)
        diagnostics_error(bind->found, document_mark(private_key),
                          "private_key stands without certificate: name the file of its "
                          "certificate too");
    if (!private_key)
        diagnostics_error(bind->found, document_mark(certificate),
                          "certificate stands without private_key: name the file of its key too");
    if (!certificate || !private_key) return;
    if (!tls->certificates)
        tls->certificates = arena_take(bind->arena, 1, sizeof *tls->certificates);
    else
        tls->certificates--;
    tls->certificates_count++;
    struct config_certificate *own = &tls->certificates[0];
    own->mark = document_mark(certificate);
    bind_note_place(bind, &own->certificate, document_mark(certificate));
    bind_note_place(bind, &own->private_key, document_mark(private_key));
    bind_scalar(bind, schema_find(map, "certificate"), certificate, &own->certificate);
    bind_scalar(bind, schema_find(map, "private_key"), private_key, &own->private_key);
}

static void refuse_key(struct bind *bind, const struct schema_map *map, const yaml_node_t *key)
{
    const char *name = document_text(key);
    struct config_mark mark = document_mark(key);
    const char *nearest = schema_nearest(map, name);
    if (strcmp(name, "<<") == 0) {
        diagnostics_error(bind->found, mark,
                          "merge keys (<<) are not supported: write the keys out, or give the "
                          "whole map an alias");
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct schema_key *child = &map->keys[i];
        if (child->map && schema_find(child->map, name)) {
            diagnostics_error(bind->found, mark,
                              "unknown key \"%s\" in %s: it belongs under \"%s\"", name, map->name,
                              child->name);
            return;
        }
    }
    if (nearest)
        diagnostics_error(bind->found, mark, "unknown key \"%.60s\" in %s: did you mean \"%s\"?",
                          name, map->name, nearest);
    else
        diagnostics_error(bind->found, mark, "unknown key \"%.60s\" in %s: remove it", name,
                          map->name);
}

/* The row of the key of a pair, when it is there for the first time. */
static const struct schema_key *take_key(struct bind *bind, const struct schema_map *map,
                                         const yaml_node_t *key, struct config_mark *seen)
{
    if (!document_is_scalar(key)) {
        diagnostics_error(bind->found, document_mark(key),
                          "a key of %s is expected, and this is %s", map->name, document_kind(key));
        return NULL;
    }
    const struct schema_key *row = schema_find(map, document_text(key));
    if (!row || document_length(key) != strlen(row->name)) {
        refuse_key(bind, map, key);
        return NULL;
    }
    struct config_mark *first = &seen[row - map->keys];
    if (first->line) {
        diagnostics_error(bind->found, document_mark(key),
                          "duplicate key \"%s\" in %s, as in line %u: remove one of them",
                          row->name, map->name, first->line);
        return NULL;
    }
    *first = document_mark(key);
    return row;
}

static void bind_pairs(struct bind *bind, const struct schema_map *map, const yaml_node_t *node,
                       void *base, struct config_mark *seen)
{
    size_t count = document_count(node);
    if (!bind_step(bind, document_mark(node), count)) return;
    for (size_t i = 0; i < count; i++) {
        const struct schema_key *key = take_key(bind, map, document_key(bind->document, node, i),
                                                seen);
        if (key) bind_key(bind, key, document_value(bind->document, node, i), base);
    }
}

static bool is_short(const struct schema_map *map, const yaml_node_t *node)
{
    return document_is_scalar(node) && map->scalar_key && !document_is_null(node);
}

/* The short form of a map: one value, which findings call by the `name` that stands in the file. */
static void bind_short(struct bind *bind, const struct schema_map *map, const char *name,
                       const yaml_node_t *node, void *base)
{
    set_mark(map, base, document_mark(node));
    for (size_t i = 0; i < map->count; i++) {
        struct schema_key key = map->keys[i];
        if (strcmp(key.name, map->scalar_key) == 0) {
            key.name = name;
            bind_key(bind, &key, node, base);
        } else {
            bind_default(bind, &map->keys[i], base);
        }
    }
}

void bind_map(struct bind *bind, const struct schema_map *map, const yaml_node_t *node, void *base)
{
    struct config_mark seen[SCHEMA_KEYS_MAX] = {{0}};
    struct config_mark mark = document_mark(node);
    set_mark(map, base, mark);
    if (!document_is_map(node)) {
        diagnostics_error(bind->found, mark, "%s: a map of keys is expected, and this is %s",
                          map->name, document_kind(node));
        bind_defaults(bind, map, base);
        return;
    }
    bind_pairs(bind, map, node, base, seen);
    for (size_t i = 0; i < map->count; i++) {
        const struct schema_key *key = &map->keys[i];
        if (seen[i].line) continue;
        if (key->required)
            diagnostics_error(bind->found, mark, "%s needs the key \"%s\": %s", map->name,
                              key->name, key->help);
        bind_default(bind, key, base);
    }
    if (map->own_certificate) bind_own_certificate(bind, map, node, base);
}
