// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/guard/aliases.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 256 * 1024 };

static void forget(struct span *topic)
{
    free((void *)(uintptr_t)topic->data);
    *topic = (struct span){NULL, 0};
}

static bool make_room(struct aliases *aliases, uint16_t number)
{
    size_t room = aliases->room == 0 ? 16 : aliases->room;
    while (room <= number)
        room *= 2;
    if (room == aliases->room) return true;
    if (room * sizeof *aliases->items > MOST_BYTES) return false;
    struct span *items = reallocarray(aliases->items, room, sizeof *items);
    if (items == NULL) return false;
    memset(items + aliases->room, 0, (room - aliases->room) * sizeof *items);
    aliases->items = items;
    aliases->room = room;
    return true;
}

bool aliases_set(struct aliases *aliases, uint16_t number, struct span topic)
{
    if (span_equal(aliases_find(aliases, number), topic)) return true;
    if (!make_room(aliases, number)) return false;
    struct span *item = &aliases->items[number];
    aliases->bytes -= item->length;
    forget(item);
    if (aliases->bytes + topic.length > MOST_BYTES) return false;
    uint8_t *copy = malloc(topic.length);
    if (copy == NULL) return false;
    memcpy(copy, topic.data, topic.length);
    *item = (struct span){copy, topic.length};
    aliases->bytes += topic.length;
    return true;
}

struct span aliases_find(const struct aliases *aliases, uint16_t number)
{
    return number < aliases->room ? aliases->items[number] : (struct span){NULL, 0};
}

void aliases_clear(struct aliases *aliases)
{
    for (size_t i = 0; i < aliases->room; i++)
        forget(&aliases->items[i]);
    free(aliases->items);
    *aliases = (struct aliases){0};
}
