// SPDX-License-Identifier: GPL-3.0-or-later
/* A YAML file as nodes that know their line and column. Within bounds: UTF-8, one document,
 * limited size, depth and number of anchors. Aliases make the nodes a graph, perhaps with cycles:
 * whoever walks it limits his depth and the number of his steps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "base/attributes.h"
#include "config/config.h"
#include "config/diagnostics.h"

enum {
    DOCUMENT_BYTES_MAX = 4 << 20,
    DOCUMENT_DEPTH_MAX = 64,
    DOCUMENT_ANCHORS_MAX = 1000,
};

struct document {
    yaml_document_t yaml;
};

/* Reads `length` bytes at `text` (borrowed), perhaps nothing but comments. True: document_clear
 * is due; false: told why. */
MUST_USE bool document_load(struct document *document, const char *text, size_t length,
                            struct diagnostics *found);
void document_clear(struct document *document);

/* All of these lend until document_clear. */
const yaml_node_t *document_root(struct document *document);
/* The items of a list; its number is document_count. */
const yaml_node_t *document_item(struct document *document, const yaml_node_t *list, size_t index);
/* The pairs of a map; their number is document_count. */
const yaml_node_t *document_key(struct document *document, const yaml_node_t *map, size_t index);
const yaml_node_t *document_value(struct document *document, const yaml_node_t *map, size_t index);
/* The value of the first key that reads `name`, or NULL. */
const yaml_node_t *document_find(struct document *document, const yaml_node_t *map,
                                 const char *name);
/* Items or pairs; 0 for a scalar. */
size_t document_count(const yaml_node_t *node);
bool document_is_scalar(const yaml_node_t *node);
bool document_is_list(const yaml_node_t *node);
bool document_is_map(const yaml_node_t *node);
/* Nothing, `~` or `null`, unquoted. */
bool document_is_null(const yaml_node_t *node);
/* A scalar's text; it ends with NUL, and may have NULs inside. */
const char *document_text(const yaml_node_t *node);
/* Its bytes; 0 for a list or a map. */
size_t document_length(const yaml_node_t *node);
struct config_mark document_mark(const yaml_node_t *node);
/* "a list", "a map", "a value", "nothing". */
const char *document_kind(const yaml_node_t *node);
