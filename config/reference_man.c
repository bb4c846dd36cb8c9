// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "config/reference.h"
#include "config/schema.h"

enum { PATH_BYTES = 128 };

static const char beginning[] =
    ".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n"
    ".\\\" Made by `postern schema --man`; change config/schema.c instead.\n"
    ".TH POSTERN.YAML 5 \"November 2026\" \"postern " POSTERN_VERSION "\" \"File Formats\"\n"
    ".ad l\n"
    ".SH NAME\n"
    "postern.yaml \\- the configuration of postern\n"
    ".SH DESCRIPTION\n";
static const char end[] = ".SH FILES\n"
                          ".TP\n"
                          ".I /etc/postern/postern.yaml\n"
                          "Where the systemd unit and the container image look for it.\n"
                          ".SH SEE ALSO\n"
                          ".BR postern (1)\n";

/* Text of the page in Markdown (bold, code) as roff. */
static void put(FILE *out, const char *text, size_t length)
{
    bool bold = false;
    for (size_t i = 0; i < length; i++) {
        bool code = text[i] == '`';
        bool stars = text[i] == '*' && i + 1 < length && text[i + 1] == '*';
        if (code || stars) {
            bold = !bold;
            (void)fputs(bold ? "\\fB" : "\\fR", out);
            if (stars) i++;
        } else if (text[i] == '\\') {
            (void)fputs("\\e", out);
        } else if (text[i] == '-') {
            (void)fputs("\\-", out);
        } else {
            if ((text[i] == '.' || text[i] == '\'') && i == 0) (void)fputs("\\&", out);
            (void)fputc(text[i], out);
        }
    }
}

/* Paragraphs and list items; the title and comments are left out. */
static void put_introduction(FILE *out)
{
    bool begun = false;
    for (const char *line = reference_introduction; *line != 0;) {
        size_t length = strcspn(line, "\n");
        if (length == 0) {
            if (begun) (void)fputs(".PP\n", out);
        } else if (line[0] != '#' && line[0] != '<') {
            bool item = strncmp(line, "- ", 2) == 0;
            size_t skip = item || line[0] == ' ' ? 2 : 0;
            begun = true;
            if (item) (void)fputs(".IP \\(bu 2\n", out);
            put(out, line + skip, length - skip);
            (void)fputc('\n', out);
        }
        line += length + (line[length] != 0);
    }
}

/* What `write` says of a key, as roff. */
static void put_told(FILE *out, const struct schema_key *key,
                     void (*write)(FILE *out, const struct schema_key *key))
{
    char *text = NULL;
    size_t length = 0;
    FILE *told = open_memstream(&text, &length);
    CHECK(told != NULL);
    write(told, key);
    CHECK(fclose(told) == 0);
    put(out, text, length);
    free(text);
}

static void put_key(FILE *out, const struct schema_key *key)
{
    bool has_default = key->required || key->initial != NULL || key->initial_note != NULL ||
                       key->list || key->kind != SCHEMA_MAP;
    (void)fprintf(out, ".TP\n\\fB%s\\fR (", key->name);
    put_told(out, key, reference_type);
    if (has_default) {
        (void)fputs(key->required ? "; " : "; default: ", out);
        put_told(out, key, reference_default);
    }
    (void)fputs(")\n", out);
    put(out, key->help, strlen(key->help));
    (void)fputc('\n', out);
}

static void put_map(FILE *out, const struct schema_map *map, const char *path)
{
    (void)fputs(*path ? ".SS " : ".SH THE FILE", out);
    put(out, path, strlen(path));
    (void)fputc('\n', out);
    for (size_t i = 0; i < map->count; i++)
        put_key(out, &map->keys[i]);
    for (size_t i = 0; i < map->count; i++) {
        char below[PATH_BYTES];
        if (!map->keys[i].map) continue;
        (void)snprintf(below, sizeof below, "%s%s%s%s", path, *path ? "." : "", map->keys[i].name,
                       map->keys[i].list ? "[]" : "");
        put_map(out, map->keys[i].map, below);
    }
}

char *reference_man(void)
{
    char *page = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&page, &length);
    CHECK(out != NULL);
    (void)fputs(beginning, out);
    put_introduction(out);
    put_map(out, &schema_root, "");
    (void)fputs(end, out);
    CHECK(fclose(out) == 0);
    return page;
}
