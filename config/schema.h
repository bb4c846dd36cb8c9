// SPDX-License-Identifier: GPL-3.0-or-later
/* Every key of the configuration, once: its type, range, default, place in the typed tree, and a
 * sentence of help. Binding, the JSON Schema and the reference page are made from this. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/names.h"

enum schema_kind {
    SCHEMA_BOOL,
    SCHEMA_NUMBER, /* also the words of the row, which stand for numbers */
    SCHEMA_DURATION,
    SCHEMA_SECONDS, /* a duration kept in seconds */
    SCHEMA_SIZE,
    SCHEMA_TEXT, /* `known`: only these */
    SCHEMA_PATH,
    SCHEMA_WORD, /* one of `words`; as a list: a set of them, their values added up */
    SCHEMA_DATE,
    SCHEMA_ADDRESS,
    SCHEMA_CIDR,
    SCHEMA_IDLE,    /* a duration or one of two words: struct config_limits */
    SCHEMA_BACKEND, /* the name of one, kept as its index */
    SCHEMA_POLICY,
    SCHEMA_MAP,
    SCHEMA_PAIRS,       /* a map of any keys to texts: struct config_pairs */
    SCHEMA_SWITCHED_MAP /* true, false (or one of `words`), or a map, which means true (or 1) */
};

struct schema_word {
    const char *name;
    uint64_t value;
};

/* A value that no field of the typed tree takes as it is: bind.c sees to it by name. */
#define SCHEMA_NOWHERE SIZE_MAX

struct schema_key {
    const char *name;
    const char *help;
    enum schema_kind kind;
    bool list;                     /* of such values; one alone will do */
    bool required;                 /* a list: not empty either */
    bool empty;                    /* text: "" is allowed */
    const struct names *templates; /* text: the ${...} that are filled in later; or NULL */
    size_t offset;                 /* in the map's struct; of a list: the pointer to its items */
    size_t count_offset;           /* of a list */
    size_t size;                   /* of the field */
    uint64_t min;                  /* numbers, milliseconds, bytes, or the length of a text */
    uint64_t max;
    const struct schema_word *words;
    size_t words_count;
    const struct names *known;
    const char *initial;      /* the default, as one would write it; a list: one item, or NULL */
    const char *initial_note; /* the default in words, where `initial` does not say it */
    const struct schema_map *map;
    size_t map_offset; /* SCHEMA_SWITCHED_MAP: where the map's struct begins */
};

struct schema_map {
    const char *name; /* for messages: "a listener" */
    const struct schema_key *keys;
    size_t count;
    size_t size;            /* of its struct */
    size_t mark_offset;     /* of its struct config_mark; SCHEMA_NOWHERE: none */
    const char *scalar_key; /* a scalar in place of the map is the value of this key; or NULL */
    bool own_certificate;   /* `certificate`, `private_key` are the first of `certificates` */
};

enum { SCHEMA_KEYS_MAX = 32 };

extern const struct schema_map schema_root;
/* The map of `builtin_broker`. */
extern const struct schema_map schema_broker;

/* The row of `name`, or NULL. */
const struct schema_key *schema_find(const struct schema_map *map, const char *name);
/* The key of `map` that was likeliest meant, or NULL. */
const char *schema_nearest(const struct schema_map *map, const char *name);
/* The value of the word `text` of a row; false: it is none of them. */
bool schema_word(const struct schema_key *key, const char *text, uint64_t *out);
