// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/packet_ids.h"

#include <stdlib.h>

struct packet_ids_list {
    size_t count;
    size_t room;
    uint16_t items[];
};

void packet_ids_clear(struct packet_ids *set)
{
    free(set->list);
    set->list = NULL;
}

size_t packet_ids_count(const struct packet_ids *set)
{
    return set->list == NULL ? 0 : set->list->count;
}

static size_t place_of(const struct packet_ids *set, uint16_t id)
{
    size_t place = 0;
    while (place < packet_ids_count(set) && set->list->items[place] != id)
        place++;
    return place;
}

bool packet_ids_has(const struct packet_ids *set, uint16_t id)
{
    return place_of(set, id) < packet_ids_count(set);
}

bool packet_ids_add(struct packet_ids *set, uint16_t id)
{
    struct packet_ids_list *list = set->list;
    size_t count = packet_ids_count(set);
    if (list == NULL || count == list->room) {
        size_t room = list == NULL ? 8 : 2 * list->room;
        list = realloc(list, sizeof *list + room * sizeof list->items[0]);
        if (list == NULL) return false;
        list->room = room;
        set->list = list;
    }
    list->items[count] = id;
    list->count = count + 1;
    return true;
}

bool packet_ids_remove(struct packet_ids *set, uint16_t id)
{
    size_t place = place_of(set, id);
    if (place == packet_ids_count(set)) return false;
    set->list->items[place] = set->list->items[--set->list->count];
    return true;
}
