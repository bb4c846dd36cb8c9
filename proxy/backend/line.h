// SPDX-License-Identifier: GPL-3.0-or-later
/* A line of those who wait, in the order of their numbers. Pure; whoever owns it locks it. */
#pragma once

#include <stdint.h>

/* Embedded in whoever waits. */
struct line_place {
    struct line_place *next;
    struct line_place *previous;
    uint64_t number; /* the owner's to set before line_add */
};

/* Zero-initialised is one that nobody stands in. */
struct line {
    struct line_place *first;
    struct line_place *last;
    struct line_place *latest; /* that was added; NULL: it has left */
};

/* Whoever is added at the end, or beside who was added before, costs one step, as a crowd does that
 * comes over from another line in either order. */
void line_add(struct line *line, struct line_place *place);
void line_remove(struct line *line, struct line_place *place);
