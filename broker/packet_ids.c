// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/packet_ids.h"

#include <stdlib.h>

void packet_ids_clear(struct packet_ids *set)
{
    free(set->items);
    *set = (struct packet_ids){0};
}

static size_t place_of(const struct packet_ids *set, uint16_t id)
{
    size_t place = 0;
    while (place < set->count && set->items[place] != id)
        place++;
    return place;
}

bool packet_ids_has(const struct packet_ids *set, uint16_t id)
{
    return place_of(set, id) < set->count;
}

bool packet_ids_add(struct packet_ids *set, uint16_t id)
{
    if (set->count == set->room) {
        size_t room = set->room == 0 ? 8 : 2 * set->room;
        uint16_t *items = realloc(set->items, room * sizeof items[0]);
        if (items == NULL) return false;
        set->items = items;
        set->room = room;
    }
    set->items[set->count++] = id;
    return true;
}

bool packet_ids_remove(struct packet_ids *set, uint16_t id)
{
    size_t place = place_of(set, id);
    if (place == set->count) return false;
    set->items[place] = set->items[--set->count];
    return true;
}
