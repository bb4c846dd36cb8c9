// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/document.h"

#include <string.h>

#include "base/text.h"

static struct config_mark mark_of(yaml_mark_t mark)
{
    return (struct config_mark){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* The place of the byte at `offset`, columns in characters. */
static struct config_mark mark_at(const char *text, size_t offset)
{
    struct config_mark mark = {1, 1};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

/* Where the first character begins that is none. */
static size_t first_bad(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t next = at + 1;
        while (next < length && next < at + 4 && ((unsigned char)text[next] & 0xc0) == 0x80)
            next++;
        if (!text_is_utf8((struct span){(const uint8_t *)text + at, next - at})) break;
        at = next;
    }
    return at;
}

static bool refuse_encoding(const char *text, size_t length, struct diagnostics *found)
{
    diagnostics_error(found, mark_at(text, first_bad(text, length)),
                      "this is not UTF-8 text: save the file with the encoding UTF-8");
    return false;
}

/* What libyaml says of the mistakes that are usual in such files, and what to do about them. */
static const char *hint(const char *problem, const char *context)
{
    static const struct {
        const char *part;
        const char *hint;
    } hints[] = {
        {"undefined alias",        "quote a value that begins with *"                       },
        {"scanning an alias",      "quote a value that begins with *"                       },
        {"scanning an anchor",     "quote a value that begins with &"                       },
        {"start any token",
         "indent with spaces, not tabs, and quote a value that begins with @ or %"          },
        {"expected node content",  "quote an address with brackets, as in \"[::]:8883\""    },
        {"expected ',' or",
         "quote a value with brackets, braces or commas, and close what is open"            },
        {"mapping values are not", "look at the indentation, and quote a value with a colon"},
        {"expected key",           "look at the indentation"                                },
        {"expected '-'",           "look at the indentation"                                },
        {"expected ':'",           "a key ends with a colon and a space"                    },
        {"end of stream",          "a quotation mark is missing"                            },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(hints); i++)
        if (strstr(problem, hints[i].part) || (context && strstr(context, hints[i].part)))
            return hints[i].hint;
    return "mend this first";
}

static bool syntax_error(const yaml_parser_t *parser, const char *text, size_t length,
                         struct diagnostics *found)
{
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    const char *advice = hint(problem, parser->context);
    if (parser->error == YAML_READER_ERROR) {
        size_t offset = parser->problem_offset < length ? parser->problem_offset : length;
        diagnostics_error(found, mark_at(text, offset), "YAML syntax: %s: remove it", problem);
    } else if (parser->context) {
        diagnostics_error(found, mark_of(parser->problem_mark),
                          "YAML syntax: %s (%s that began in line %zu): %s", problem,
                          parser->context, parser->context_mark.line + 1, advice);
    } else {
        diagnostics_error(found, mark_of(parser->problem_mark), "YAML syntax: %s: %s", problem,
                          advice);
    }
    return false;
}

struct bounds {
    size_t depth;
    size_t anchors;
    size_t documents;
};

static bool anchored(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL;
    default:
        return false;
    }
}

static bool within_bounds(struct bounds *seen, const yaml_event_t *event, struct diagnostics *found)
{
    struct config_mark mark = mark_of(event->start_mark);
    if (event->type == YAML_DOCUMENT_START_EVENT && ++seen->documents > 1) {
        diagnostics_error(found, mark,
                          "a second YAML document begins here: one file, one document");
        return false;
    }
    if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT)
        seen->depth++;
    if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
        seen->depth--;
    if (seen->depth > DOCUMENT_DEPTH_MAX) {
        diagnostics_error(found, mark, "nested more than %d deep: no key needs that",
                          DOCUMENT_DEPTH_MAX);
        return false;
    }
    if (anchored(event) && ++seen->anchors > DOCUMENT_ANCHORS_MAX) {
        diagnostics_error(found, mark, "more than %d anchors: write them out, or use fewer",
                          DOCUMENT_ANCHORS_MAX);
        return false;
    }
    return true;
}

static void start(yaml_parser_t *parser, const char *text, size_t length)
{
    CHECK(yaml_parser_initialize(parser) == 1);
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    /* Some editors begin a file with a mark of its encoding, which libyaml would count as a
     * column. */
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    yaml_parser_set_input_string(parser, (const unsigned char *)text + mark, length - mark);
}

/* Reads the events alone first: the loader behind it takes quadratic time for many anchors. */
static bool check_bounds(const char *text, size_t length, struct diagnostics *found)
{
    yaml_parser_t parser;
    struct bounds seen = {0};
    bool ok = true;
    bool end = false;
    start(&parser, text, length);
    while (ok && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            ok = syntax_error(&parser, text, length, found);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        ok = within_bounds(&seen, &event, found);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}

bool document_load(struct document *document, const char *text, size_t length,
                   struct diagnostics *found)
{
    if (length > DOCUMENT_BYTES_MAX) {
        diagnostics_error(found, (struct config_mark){1, 1},
                          "larger than %d MiB: this is hardly a configuration",
                          DOCUMENT_BYTES_MAX >> 20);
        return false;
    }
    if (!text_is_utf8((struct span){(const uint8_t *)text, length}))
        return refuse_encoding(text, length, found);
    if (!check_bounds(text, length, found)) return false;
    yaml_parser_t parser;
    start(&parser, text, length);
    bool ok = yaml_parser_load(&parser, &document->yaml) == 1;
    if (!ok) (void)syntax_error(&parser, text, length, found);
    yaml_parser_delete(&parser);
    return ok;
}

void document_clear(struct document *document)
{
    yaml_document_delete(&document->yaml);
}

const yaml_node_t *document_root(struct document *document)
{
    return yaml_document_get_root_node(&document->yaml);
}

const yaml_node_t *document_item(struct document *document, const yaml_node_t *list, size_t index)
{
    return yaml_document_get_node(&document->yaml, list->data.sequence.items.start[index]);
}

const yaml_node_t *document_key(struct document *document, const yaml_node_t *map, size_t index)
{
    return yaml_document_get_node(&document->yaml, map->data.mapping.pairs.start[index].key);
}

const yaml_node_t *document_value(struct document *document, const yaml_node_t *map, size_t index)
{
    return yaml_document_get_node(&document->yaml, map->data.mapping.pairs.start[index].value);
}

const yaml_node_t *document_find(struct document *document, const yaml_node_t *map,
                                 const char *name)
{
    for (size_t i = 0; document_is_map(map) && i < document_count(map); i++) {
        const yaml_node_t *key = document_key(document, map, i);
        if (document_is_scalar(key) && strcmp(document_text(key), name) == 0)
            return document_value(document, map, i);
    }
    return NULL;
}

size_t document_count(const yaml_node_t *node)
{
    if (document_is_list(node))
        return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (document_is_map(node))
        return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    return 0;
}

bool document_is_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE;
}

bool document_is_list(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE;
}

bool document_is_map(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE;
}

bool document_is_null(const yaml_node_t *node)
{
    if (!document_is_scalar(node) || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    const char *text = document_text(node);
    return *text == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
           strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

const char *document_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

size_t document_length(const yaml_node_t *node)
{
    return document_is_scalar(node) ? node->data.scalar.length : 0;
}

struct config_mark document_mark(const yaml_node_t *node)
{
    return mark_of(node->start_mark);
}

const char *document_kind(const yaml_node_t *node)
{
    if (document_is_list(node)) return "a list";
    if (document_is_map(node)) return "a map";
    return document_is_null(node) ? "nothing" : "a value";
}
