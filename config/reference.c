// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/reference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "config/schema.h"
#include "config/units.h"

enum { PATH_BYTES = 128 };

const char reference_introduction[] =
    "# Configuration reference\n"
    "\n"
    "<!-- Made by `postern schema --reference`; change config/schema.c instead. -->\n"
    "\n"
    "The configuration is one YAML file. `postern check -c FILE` says what is wrong with it, with\n"
    "line and column, and opens no socket. `postern schema` prints a JSON Schema for editors.\n"
    "Whole files to begin with are in `config/examples/`, installed in\n"
    "`/usr/share/doc/postern/examples/`.\n"
    "\n"
    "- **Unknown keys, wrong types, duplicate keys and values out of range are errors.** All of\n"
    "  them are told at once.\n"
    "- **Lists**: where a key takes a list of values, one value alone will do.\n"
    "- **Durations** are whole numbers with a unit: `250ms`, `10s`, `5m`, `2h`, `7d`.\n"
    "- **Sizes** are whole numbers of bytes, or with a unit: `64KiB`, `1MiB`, `2GiB`.\n"
    "- **Paths** that are relative begin at the directory of the file.\n"
    "- **Addresses** are `HOST:PORT`, `[IPV6]:PORT` (quoted, because YAML gives brackets a\n"
    "  meaning) or `unix:PATH`.\n"
    "- **Environment**: `${env.NAME}` in any value is replaced by the environment variable, which\n"
    "  must be set, or `${env.NAME:-default}`, where the default also stands in for an empty one.\n"
    "  A dollar is `$$`. Other names, such as `${client_id}`, belong to the keys that say so.\n"
    "- **Globs**: `*` stands for any characters, also none, and `?` for one.\n"
    "- Anchors and aliases of YAML work; merge keys (`<<`) do not.\n";

static void write_range(FILE *out, const struct schema_key *key,
                        void (*write)(char *text, uint64_t value))
{
    char least[UNITS_TEXT_ROOM];
    char most[UNITS_TEXT_ROOM];
    write(least, key->min);
    write(most, key->max);
    (void)fprintf(out, ", %s to %s", least, most);
}

static void write_number(char *out, uint64_t value)
{
    (void)snprintf(out, UNITS_TEXT_ROOM, "%" PRIu64, value);
}

static void write_words(FILE *out, const struct schema_key *key)
{
    for (size_t i = 0; i < key->words_count; i++)
        (void)fprintf(out, "%s`%s`", i ? ", " : "", key->words[i].name);
    for (size_t i = 0; key->known && i < key->known->count; i++)
        (void)fprintf(out, "%s`%s`", i ? ", " : "", key->known->items[i]);
}

void reference_type(FILE *out, const struct schema_key *key)
{
    static const char *const names[] = {
        [SCHEMA_BOOL] = "`true`, `false`",
        [SCHEMA_NUMBER] = "number",
        [SCHEMA_DURATION] = "duration",
        [SCHEMA_SECONDS] = "duration in whole seconds",
        [SCHEMA_SIZE] = "size",
        [SCHEMA_TEXT] = "text",
        [SCHEMA_PATH] = "path",
        [SCHEMA_WORD] = "",
        [SCHEMA_DATE] = "date or time",
        [SCHEMA_ADDRESS] = "address",
        [SCHEMA_CIDR] = "range of addresses",
        [SCHEMA_IDLE] = "duration",
        [SCHEMA_BACKEND] = "name of a backend",
        [SCHEMA_POLICY] = "name of a policy",
        [SCHEMA_MAP] = "map",
        [SCHEMA_PAIRS] = "map of names to texts",
        [SCHEMA_SWITCHED_MAP] = "`true`, `false` or a map",
    };
    bool words = key->kind == SCHEMA_SWITCHED_MAP && key->words_count > 0;
    if (key->list) (void)fputs("list: ", out);
    if (!key->known) (void)fputs(words ? "a map" : names[key->kind], out);
    if (key->templates) (void)fputs(" with `${...}`", out);
    if (key->kind == SCHEMA_NUMBER) write_range(out, key, write_number);
    if (key->kind == SCHEMA_DURATION || key->kind == SCHEMA_SECONDS || key->kind == SCHEMA_IDLE)
        write_range(out, key, units_duration_text);
    if (key->kind == SCHEMA_SIZE) write_range(out, key, units_size_text);
    if (key->words_count && key->kind != SCHEMA_WORD) (void)fputs(", or ", out);
    write_words(out, key);
    if (key->map && key->map->scalar_key) (void)fprintf(out, " or %s", key->map->scalar_key);
}

void reference_default(FILE *out, const struct schema_key *key)
{
    if (key->required)
        (void)fputs("**required**", out);
    else if (key->initial)
        (void)fprintf(out, "`%s`", key->initial);
    else if (key->initial_note)
        (void)fputs(key->initial_note, out);
    else if (key->list || key->kind != SCHEMA_MAP)
        (void)fputs("none", out);
}

static void write_map(FILE *out, const struct schema_map *map, const char *path)
{
    (void)fprintf(out,
                  "\n## %s%s%s\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n",
                  *path ? "`" : "", *path ? path : "The file", *path ? "`" : "");
    for (size_t i = 0; i < map->count; i++) {
        const struct schema_key *key = &map->keys[i];
        (void)fprintf(out, "| `%s` | ", key->name);
        reference_type(out, key);
        (void)fputs(" | ", out);
        reference_default(out, key);
        (void)fprintf(out, " | %s |\n", key->help);
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct schema_key *key = &map->keys[i];
        char below[PATH_BYTES];
        if (!key->map) continue;
        (void)snprintf(below, sizeof below, "%s%s%s%s", path, *path ? "." : "", key->name,
                       key->list ? "[]" : "");
        write_map(out, key->map, below);
    }
}

char *reference_page(void)
{
    char *page = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&page, &length);
    CHECK(out != NULL);
    (void)fputs(reference_introduction, out);
    write_map(out, &schema_root, "");
    CHECK(fclose(out) == 0);
    return page;
}
