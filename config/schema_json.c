// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/schema_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "config/schema.h"
#include "config/units.h"

static json_t *map_schema(const struct schema_map *map);

static json_t *pattern(const char *expression)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", expression);
}

static json_t *environment(void)
{
    return json_pack("{s:s}", "$ref", "#/$defs/environment");
}

static void add(json_t *choices, json_t *choice)
{
    CHECK(json_array_append_new(choices, choice) == 0);
}

static void set(json_t *object, const char *name, json_t *value)
{
    CHECK(json_object_set_new(object, name, value) == 0);
}

/* A word as YAML readers give it: 1.2 and 5 are numbers to them, and off is false. */
static void add_word(json_t *values, const char *word)
{
    char *end = NULL;
    double number = strtod(word, &end);
    add(values, json_string(word));
    if (*end == 0) add(values, strchr(word, '.') ? json_real(number) : json_integer((int)number));
    if (strcmp(word, "off") == 0) add(values, json_false());
}

static void add_words(json_t *choices, const struct schema_key *key)
{
    json_t *values = json_array();
    for (size_t i = 0; i < key->words_count; i++)
        add_word(values, key->words[i].name);
    add(choices, json_pack("{s:o}", "enum", values));
}

static void add_known(json_t *choices, const struct schema_key *key)
{
    json_t *values = json_array();
    for (size_t i = 0; i < key->known->count; i++)
        add(values, json_string(key->known->items[i]));
    add(choices, json_pack("{s:o}", "enum", values));
}

static json_t *integer(const struct schema_key *key)
{
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)key->min,
                     "maximum", (json_int_t)key->max);
}

static void add_duration(json_t *choices, const struct schema_key *key)
{
    add(choices, pattern("^[0-9]+(ms|s|m|h|d)$"));
    if (key->min == 0) add(choices, json_pack("{s:[i, s]}", "enum", 0, "0"));
}

static void add_text(json_t *choices, const struct schema_key *key)
{
    json_t *text = json_pack("{s:[s, s]}", "type", "string", "number");
    if (!key->empty) set(text, "minLength", json_integer(1));
    if (key->max) set(text, "maxLength", json_integer((json_int_t)key->max));
    add(choices, text);
}

/* What one value of `key` can be, by kind; never a map. */
static void add_values(json_t *choices, const struct schema_key *key)
{
    switch (key->kind) {
    case SCHEMA_BOOL:
    case SCHEMA_SWITCHED_MAP:
        if (key->words_count) break;
        add(choices, json_pack("{s:s}", "type", "boolean"));
        add(choices,
            json_pack("{s:[s, s, s, s, s, s]}", "enum", "true", "false", "yes", "no", "on", "off"));
        break;
    case SCHEMA_NUMBER:
        add(choices, integer(key));
        add(choices, pattern("^[0-9]+$"));
        break;
    case SCHEMA_DURATION:
    case SCHEMA_SECONDS:
    case SCHEMA_IDLE:
        add_duration(choices, key);
        break;
    case SCHEMA_SIZE:
        add(choices, integer(key));
        add(choices, pattern("^[0-9]+(B|KiB|MiB|GiB)?$"));
        break;
    case SCHEMA_DATE:
        add(choices, pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}"));
        break;
    case SCHEMA_ADDRESS:
        add(choices, pattern("^unix:.|:[0-9]{1,5}$"));
        break;
    case SCHEMA_CIDR:
        add(choices, pattern("^[0-9a-fA-F.:]+(/[0-9]{1,3})?$"));
        break;
    case SCHEMA_WORD:
        break;
    default:
        if (!key->known) add_text(choices, key);
    }
    if (key->words_count) add_words(choices, key);
    if (key->known) add_known(choices, key);
    add(choices, environment());
}

static json_t *one_of(json_t *choices)
{
    if (json_array_size(choices) > 1) return json_pack("{s:o}", "anyOf", choices);
    json_t *only = json_incref(json_array_get(choices, 0));
    json_decref(choices);
    return only;
}

static const struct schema_key *short_form(const struct schema_key *key)
{
    return key->map && key->map->scalar_key ? schema_find(key->map, key->map->scalar_key) : NULL;
}

static json_t *pairs_schema(const struct schema_key *key)
{
    json_t *values = json_array();
    add_text(values, key);
    return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", one_of(values));
}

static json_t *item_schema(const struct schema_key *key)
{
    json_t *choices = json_array();
    if (key->kind == SCHEMA_MAP || key->kind == SCHEMA_SWITCHED_MAP)
        add(choices, map_schema(key->map));
    if (short_form(key)) add_values(choices, short_form(key));
    if (key->kind != SCHEMA_MAP) add_values(choices, key);
    return one_of(choices);
}

static json_t *list_schema(const struct schema_key *key)
{
    json_t *choices = json_array();
    json_t *list = json_pack("{s:s, s:o}", "type", "array", "items", item_schema(key));
    if (key->required) set(list, "minItems", json_integer(1));
    add(choices, list);
    if (short_form(key)) {
        add_values(choices, short_form(key));
        add(choices, map_schema(key->map));
    }
    if (key->kind != SCHEMA_MAP) add_values(choices, key);
    return one_of(choices);
}

static json_t *initial_value(const struct schema_key *key)
{
    uint64_t number = 0;
    bool on = false;
    if (key->kind == SCHEMA_NUMBER && units_number(key->initial, &number, NULL))
        return json_integer((json_int_t)number);
    if ((key->kind == SCHEMA_BOOL || key->kind == SCHEMA_SWITCHED_MAP) &&
        units_bool(key->initial, &on, NULL))
        return json_boolean(on);
    return json_string(key->initial);
}

static json_t *key_schema(const struct schema_key *key)
{
    char text[1024];
    json_t *schema = key->list                   ? list_schema(key)
                     : key->kind == SCHEMA_PAIRS ? pairs_schema(key)
                                                 : item_schema(key);
    (void)snprintf(text, sizeof text, "%s%s%s%s", key->help, key->initial_note ? " Default: " : "",
                   key->initial_note ? key->initial_note : "", key->initial_note ? "." : "");
    set(schema, "description", json_string(text));
    if (key->initial) set(schema, "default", initial_value(key));
    return schema;
}

static void require_certificate(json_t *schema)
{
    set(schema, "dependentRequired",
        json_pack("{s:[s], s:[s]}", "certificate", "private_key", "private_key", "certificate"));
    set(schema, "anyOf",
        json_pack("[{s:[s]}, {s:[s]}]", "required", "certificate", "required", "certificates"));
}

static json_t *map_schema(const struct schema_map *map)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < map->count; i++) {
        const struct schema_key *key = &map->keys[i];
        set(properties, key->name, key_schema(key));
        if (key->required) add(required, json_string(key->name));
    }
    json_t *schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
                               "properties", properties);
    if (json_array_size(required))
        set(schema, "required", required);
    else
        json_decref(required);
    if (map->own_certificate) require_certificate(schema);
    return schema;
}

char *schema_json(void)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:{s:o}}", "$schema", "https://json-schema.org/draft/2020-12/schema",
        "title", "The configuration of Postern", "description", "Made by: postern schema", "$defs",
        "environment", pattern("\\$\\{env\\.[^}]+\\}"));
    json_t *schema = map_schema(&schema_root);
    CHECK(root && schema && json_object_update_missing(root, schema) == 0);
    json_decref(schema);
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(root);
    CHECK(text != NULL);
    char *out = NULL;
    CHECK(asprintf(&out, "%s\n", text) >= 0);
    free(text);
    return out;
}
