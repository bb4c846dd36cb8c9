// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/diagnostics.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Text of the file is quoted in findings: what a terminal might obey, and halves of characters,
 * become question marks. */
static void make_printable(char *text)
{
    for (char *at = text; *at;) {
        size_t length = 1;
        while (length < 4 && ((unsigned char)at[length] & 0xc0) == 0x80)
            length++;
        unsigned char first = (unsigned char)at[0];
        bool control = first < 0x20 || first == 0x7f ||
                       (first == 0xc2 && length == 2 && (unsigned char)at[1] < 0xa0);
        if (control || !text_is_utf8((struct span){(const uint8_t *)at, length}))
            for (size_t i = 0; i < length; i++)
                at[i] = '?';
        at += length;
    }
}

static struct diagnostic *append(struct diagnostics *found)
{
    if (found->count == found->room) {
        size_t room = found->room ? found->room * 2 : 16;
        struct diagnostic *items = reallocarray(found->items, room, sizeof *items);
        CHECK(items != NULL);
        found->items = items;
        found->room = room;
    }
    struct diagnostic *item = &found->items[found->count];
    item->order = found->count++;
    return item;
}

PRINTF(4, 0)
static void add(struct diagnostics *found, struct config_mark mark, enum config_severity severity,
                const char *format, va_list arguments)
{
    if (severity == CONFIG_ERROR) found->errors++;
    if (found->count >= DIAGNOSTICS_MAX) {
        found->dropped++;
        return;
    }
    struct diagnostic *item = append(found);
    item->mark = mark;
    item->severity = severity;
    int length = vasprintf(&item->text, format, arguments);
    CHECK(length >= 0);
    make_printable(item->text);
}

void diagnostics_error(struct diagnostics *found, struct config_mark mark, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(found, mark, CONFIG_ERROR, format, arguments);
    va_end(arguments);
}

void diagnostics_warning(struct diagnostics *found, struct config_mark mark, const char *format,
                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(found, mark, CONFIG_WARNING, format, arguments);
    va_end(arguments);
}

static int by_place(const void *left, const void *right)
{
    const struct diagnostic *a = left;
    const struct diagnostic *b = right;
    if (a->mark.line != b->mark.line) return a->mark.line < b->mark.line ? -1 : 1;
    if (a->mark.column != b->mark.column) return a->mark.column < b->mark.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* Through an alias the same place may be read several times. */
static bool same(const struct diagnostic *a, const struct diagnostic *b)
{
    return a->mark.line == b->mark.line && a->mark.column == b->mark.column &&
           strcmp(a->text, b->text) == 0;
}

void diagnostics_tell(struct diagnostics *found, const char *path, config_finding_fn *tell,
                      void *arg)
{
    if (found->count) qsort(found->items, found->count, sizeof *found->items, by_place);
    for (size_t i = 0; i < found->count; i++) {
        const struct diagnostic *item = &found->items[i];
        bool told = false;
        for (size_t j = i; j > 0 && found->items[j - 1].mark.line == item->mark.line && !told; j--)
            told = same(item, &found->items[j - 1]);
        if (!told) tell(arg, path, item->mark, item->severity, item->text);
    }
    if (found->dropped == 0) return;
    char text[80];
    (void)snprintf(text, sizeof text, "%zu more findings are not shown: mend these first",
                   found->dropped);
    tell(arg, path, found->items[found->count - 1].mark,
         found->errors ? CONFIG_ERROR : CONFIG_WARNING, text);
}

void diagnostics_clear(struct diagnostics *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->items[i].text);
    free(found->items);
    *found = (struct diagnostics){0};
}
