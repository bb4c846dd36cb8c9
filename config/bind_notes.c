// SPDX-License-Identifier: GPL-3.0-or-later
/* What is noted beside the values: how many there were, where each stood, and which are names. */
#include <stdint.h>
#include <stdlib.h>

#include "config/bind.h"

/* More than any file without aliases needs; what is kept for a value is less than a kilobyte. */
enum { STEPS_MAX = 200000 };

bool bind_step(struct bind *bind, struct config_mark mark, size_t count)
{
    if (bind->exhausted) return false;
    bind->steps += count;
    if (bind->steps <= STEPS_MAX) return true;
    bind->exhausted = true;
    diagnostics_error(bind->found, mark,
                      "more than %d values, aliases counted as often as they are used: the file is "
                      "too large",
                      STEPS_MAX);
    return false;
}

void bind_note_place(struct bind *bind, const void *field, struct config_mark mark)
{
    if (bind->places_count == bind->places_room) {
        size_t room = bind->places_room ? bind->places_room * 2 : 64;
        struct bind_place *places = reallocarray(bind->places, room, sizeof *places);
        CHECK(places != NULL);
        bind->places = places;
        bind->places_room = room;
    }
    bind->places[bind->places_count++] = (struct bind_place){field, mark};
}

void bind_note_reference(struct bind *bind, enum schema_kind kind, struct config_mark mark,
                         const char *name, size_t *index)
{
    if (bind->references_count == bind->references_room) {
        size_t room = bind->references_room ? bind->references_room * 2 : 16;
        struct bind_reference *references = reallocarray(bind->references, room,
                                                         sizeof *references);
        CHECK(references != NULL);
        bind->references = references;
        bind->references_room = room;
    }
    bind->references[bind->references_count++] = (struct bind_reference){kind, mark, name, index};
}

static int by_field(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const struct bind_place *)left)->field;
    uintptr_t b = (uintptr_t)((const struct bind_place *)right)->field;
    return a < b ? -1 : a > b;
}

void bind_seal(struct bind *bind)
{
    if (bind->places_count) qsort(bind->places, bind->places_count, sizeof *bind->places, by_field);
}

struct config_mark bind_mark(const struct bind *bind, const void *field)
{
    struct bind_place wanted = {.field = field};
    if (bind->places_count == 0) return wanted.mark;
    const struct bind_place *place = bsearch(&wanted, bind->places, bind->places_count,
                                             sizeof *bind->places, by_field);
    return place ? place->mark : wanted.mark;
}

bool bind_given(const struct bind *bind, const void *field)
{
    return bind_mark(bind, field).line != 0;
}

struct config_mark bind_mark_or(const struct bind *bind, const void *field,
                                struct config_mark fallback)
{
    struct config_mark mark = bind_mark(bind, field);
    return mark.line ? mark : fallback;
}

void bind_clear(struct bind *bind)
{
    free(bind->places);
    free(bind->references);
    bind->places = NULL;
    bind->references = NULL;
}
