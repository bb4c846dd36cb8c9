// SPDX-License-Identifier: GPL-3.0-or-later
/* How the rows of the schema are written; for schema.c and schema_policy.c alone. */
#pragma once

#include "base/attributes.h"
#include "config/config.h"
#include "config/schema.h"

#define MS_SECOND 1000ULL
#define MS_HOUR   (3600 * MS_SECOND)
#define MS_DAY    (24 * MS_HOUR)
#define KIB       1024ULL
#define MIB       (1024 * KIB)
#define GIB       (1024 * MIB)

#define FIELD(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)
#define LIST(type, field, number)                                                                  \
    .list = true, .offset = offsetof(type, field), .count_offset = offsetof(type, number)
#define STRINGS(type, field) LIST(type, field.items, field.count)
#define WORDS(table)         .words = (table), .words_count = ARRAY_LENGTH(table)
#define MAP(table)           .map = &(table)
#define DEFINE_MAP(variable, title, table, type, ...)                                              \
    const struct schema_map variable = {.name = (title),                                           \
                                        .keys = (table),                                           \
                                        .count = ARRAY_LENGTH(table),                              \
                                        .size = sizeof(type),                                      \
                                        __VA_ARGS__}
#define MARKED(type) .mark_offset = offsetof(type, mark)
#define NO_MARK      .mark_offset = SCHEMA_NOWHERE

/* The words of tls_version, which listeners and rules share. */
extern const struct schema_word schema_tls_versions[2];
/* The map of an item of `policies`. */
extern const struct schema_map schema_policy;
