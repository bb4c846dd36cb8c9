// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/packet_ids.h"

#include <stdlib.h>

enum {
    MOST_LISTED = 128, /* more are bits, or a client could make each of its packets a long walk */
    WORD_BITS = 16,
    WORDS = 65536 / WORD_BITS
};

struct packet_ids_list {
    size_t count;
    size_t room; /* WORDS: `items` has a bit for each identifier, else the identifiers */
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

static bool is_map(const struct packet_ids *set)
{
    return set->list != NULL && set->list->room == WORDS;
}

static uint16_t *word_of(const struct packet_ids *set, uint16_t id)
{
    return &set->list->items[id / WORD_BITS];
}

static uint16_t bit_of(uint16_t id)
{
    return (uint16_t)(1U << id % WORD_BITS);
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
    if (is_map(set)) return (*word_of(set, id) & bit_of(id)) != 0;
    return place_of(set, id) < packet_ids_count(set);
}

static bool make_map(struct packet_ids *set)
{
    struct packet_ids_list *list = set->list;
    set->list = calloc(1, sizeof *list + WORDS * sizeof list->items[0]);
    if (set->list == NULL) {
        set->list = list;
        return false;
    }
    set->list->room = WORDS;
    set->list->count = list->count;
    for (size_t i = 0; i < list->count; i++)
        *word_of(set, list->items[i]) |= bit_of(list->items[i]);
    free(list);
    return true;
}

static bool make_room(struct packet_ids *set)
{
    struct packet_ids_list *list = set->list;
    size_t room = list == NULL ? 8 : 2 * list->room;
    if (room > MOST_LISTED) return make_map(set);
    bool first = list == NULL;
    list = realloc(list, sizeof *list + room * sizeof list->items[0]);
    if (list == NULL) return false;
    if (first) list->count = 0;
    list->room = room;
    set->list = list;
    return true;
}

bool packet_ids_add(struct packet_ids *set, uint16_t id)
{
    bool full = set->list == NULL || set->list->count == set->list->room;
    if (!is_map(set) && full && !make_room(set)) return false;
    if (is_map(set))
        *word_of(set, id) |= bit_of(id);
    else
        set->list->items[set->list->count] = id;
    set->list->count++;
    return true;
}

bool packet_ids_remove(struct packet_ids *set, uint16_t id)
{
    if (!packet_ids_has(set, id)) return false;
    struct packet_ids_list *list = set->list;
    if (is_map(set))
        *word_of(set, id) &= (uint16_t)~bit_of(id);
    else
        list->items[place_of(set, id)] = list->items[list->count - 1];
    list->count--;
    if (is_map(set) && list->count == 0) packet_ids_clear(set);
    return true;
}
