// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/line.h"

#include <stddef.h>

void line_add(struct line *line, struct line_place *place)
{
    struct line_place *before = line->latest != NULL ? line->latest : line->last;
    while (before != NULL && before->number > place->number)
        before = before->previous;
    struct line_place *after = before == NULL ? line->first : before->next;
    while (after != NULL && after->number < place->number) {
        before = after;
        after = after->next;
    }
    place->previous = before;
    place->next = after;
    *(before == NULL ? &line->first : &before->next) = place;
    *(after == NULL ? &line->last : &after->previous) = place;
    line->latest = place;
}

void line_remove(struct line *line, struct line_place *place)
{
    *(place->previous == NULL ? &line->first : &place->previous->next) = place->next;
    *(place->next == NULL ? &line->last : &place->next->previous) = place->previous;
    if (line->latest == place) line->latest = NULL;
    place->next = NULL;
    place->previous = NULL;
}
