// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

struct arena_owned {
    struct arena_owned *next;
    void *thing;
    void (*release)(void *thing);
};

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    CHECK(size == 0 || count <= (SIZE_MAX - sizeof(struct arena_block)) / size);
    struct arena_block *block = calloc(1, sizeof *block + count * size);
    CHECK(block != NULL);
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_take(arena, length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    char *text = arena_take(arena, (size_t)length + 1, 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void arena_own(struct arena *arena, void *thing, void (*release)(void *thing))
{
    struct arena_owned *owned = arena_take(arena, 1, sizeof *owned);
    *owned = (struct arena_owned){arena->owned, thing, release};
    arena->owned = owned;
}

void arena_clear(struct arena *arena)
{
    struct arena_block *next = NULL;
    for (struct arena_owned *owned = arena->owned; owned; owned = owned->next)
        owned->release(owned->thing);
    arena->owned = NULL;
    for (struct arena_block *block = arena->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
}
