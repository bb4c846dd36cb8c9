// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/topic_aliases.h"

#include <stdlib.h>
#include <string.h>

struct place {
    uint8_t *topic; /* NULL: nobody's */
    uint16_t length;
};

struct topic_aliases {
    uint16_t count;
    struct place places[];
};

struct topic_aliases *topic_aliases_new(uint16_t count)
{
    if (count > TOPIC_ALIASES_MOST) count = TOPIC_ALIASES_MOST;
    struct topic_aliases *aliases = calloc(1, sizeof *aliases + count * sizeof(struct place));
    if (aliases != NULL) aliases->count = count;
    return aliases;
}

void topic_aliases_free(struct topic_aliases *aliases)
{
    if (aliases == NULL) return;
    for (uint16_t i = 0; i < aliases->count; i++)
        free(aliases->places[i].topic);
    free(aliases);
}

/* FNV-1a. Who finds topics that meet in one place makes longer packets for itself, no more. */
static uint32_t hash(struct span topic)
{
    uint32_t value = 2166136261U;
    for (size_t i = 0; i < topic.length; i++)
        value = (value ^ topic.data[i]) * 16777619U;
    return value;
}

uint16_t topic_aliases_of(const struct topic_aliases *aliases, struct span topic, bool *told)
{
    *told = false;
    if (topic.length <= TOPIC_ALIASES_SHORT || topic.length > TOPIC_ALIASES_LONG) return 0;
    uint16_t index = (uint16_t)(hash(topic) % aliases->count);
    const struct place *place = &aliases->places[index];
    *told = place->topic != NULL && span_equal((struct span){place->topic, place->length}, topic);
    return (uint16_t)(index + 1);
}

bool topic_aliases_tell(struct topic_aliases *aliases, uint16_t alias, struct span topic)
{
    struct place *place = &aliases->places[alias - 1];
    free(place->topic);
    place->topic = malloc(topic.length);
    if (place->topic == NULL) return false;
    memcpy(place->topic, topic.data, topic.length);
    place->length = (uint16_t)topic.length;
    return true;
}
