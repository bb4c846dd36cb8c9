// SPDX-License-Identifier: GPL-3.0-or-later
/* Memory that lives and dies together: everything that a configuration points to. Running out of
 * memory ends the process; what is asked for is bounded by the size of the file. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"

struct arena_block;

struct arena_owned;

/* Zero-initialised is empty. */
struct arena {
    struct arena_block *blocks;
    struct arena_owned *owned;
};

/* Lends `count` times `size` bytes of zeroes until arena_clear; never NULL. */
void *arena_take(struct arena *arena, size_t count, size_t size);
/* Lends a copy of `length` bytes with a NUL behind them. */
char *arena_text(struct arena *arena, const char *text, size_t length);
char *arena_format(struct arena *arena, const char *format, ...) PRINTF(2, 3);
/* Takes `thing`, which arena_clear gives to `release`. */
void arena_own(struct arena *arena, void *thing, void (*release)(void *thing));
void arena_clear(struct arena *arena);
