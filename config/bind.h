// SPDX-License-Identifier: GPL-3.0-or-later
/* Nodes and schema to the typed tree: every map is walked along its table, and whatever does not
 * fit is a finding with its place; then the next key. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/config.h"
#include "config/diagnostics.h"
#include "config/document.h"
#include "config/schema.h"

/* Where the value of a field stood. */
struct bind_place {
    const void *field;
    struct config_mark mark;
};

/* A name that stands for an index, looked up when everything has been read. */
struct bind_reference {
    enum schema_kind kind; /* SCHEMA_BACKEND or SCHEMA_POLICY */
    struct config_mark mark;
    const char *name;
    size_t *index;
};

struct bind {
    struct document *document;
    struct diagnostics *found;
    struct arena *arena;
    const char *directory; /* absolute; where relative paths begin */
    size_t steps;
    bool exhausted; /* aliases made the tree too large; said once */
    struct bind_place *places;
    size_t places_count;
    size_t places_room;
    struct bind_reference *references;
    size_t references_count;
    size_t references_room;
};

/* Fills the struct of `map` at `base` from `node`, with the defaults for what is not there. */
void bind_map(struct bind *bind, const struct schema_map *map, const yaml_node_t *node, void *base);
/* Fills it with defaults alone. */
void bind_defaults(struct bind *bind, const struct schema_map *map, void *base);
/* Sorts the places: due once, between the last bind_map and the first bind_mark. */
void bind_seal(struct bind *bind);
/* The place of the value of `field`; line 0: it was not in the file. */
struct config_mark bind_mark(const struct bind *bind, const void *field);
bool bind_given(const struct bind *bind, const void *field);
struct config_mark bind_mark_or(const struct bind *bind, const void *field,
                                struct config_mark fallback);
/* Frees the places and the references; the rest is borrowed. */
void bind_clear(struct bind *bind);

/* Reads one scalar of `key` to `field` (bind_scalar.c). */
void bind_scalar(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                 void *field);
/* The default of `key`. */
void bind_initial(struct bind *bind, const struct schema_key *key, void *field);

/* The next ones are for the readers themselves (bind_notes.c). Counts `count` more values, or their
 * worth in text, from `mark`. False: that is too much, which has been said. */
bool bind_step(struct bind *bind, struct config_mark mark, size_t count);
/* Notes where the value of `field` stood. */
void bind_note_place(struct bind *bind, const void *field, struct config_mark mark);
void bind_note_reference(struct bind *bind, enum schema_kind kind, struct config_mark mark,
                         const char *name, size_t *index);
