// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/guard/topics.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/topic.h"
#include "mqtt/topic_filter.h"
#include "proxy/policy/fill.h"

struct filters {
    struct span *items;
    size_t count;
};

struct topics {
    bool has_allow;
    struct filters allow;
    struct filters deny;
};

static void clear(struct filters *filters)
{
    for (size_t i = 0; i < filters->count; i++)
        free((void *)(uintptr_t)filters->items[i].data);
    free(filters->items);
}

/* Whether a value keeps a template's levels as they are. */
static bool is_tame(struct span value)
{
    for (size_t i = 0; i < value.length; i++)
        if (strchr("+#/", value.data[i]) != NULL) return false; /* finds a NUL, too */
    return value.length > 0;
}

enum filling { FILLED, FILLED_WILD, NOT_FILLED };

/* Whether the client has all the names of a template, and whether they are tame. */
static enum filling look_at(const char *template, const struct facts *facts)
{
    char room[FILL_ROOM];
    struct fill_piece piece;
    enum filling filling = FILLED;
    while (fill_next(&template, &piece)) {
        if (!piece.is_name) continue;
        struct span value = fill_value(piece.text, facts, room);
        if (value.length == 0) return NOT_FILLED;
        if (!is_tame(value)) filling = FILLED_WILD;
    }
    return filling;
}

static bool keep(struct filters *filters, struct span filter)
{
    uint8_t *copy = malloc(filter.length);
    if (copy == NULL) return false;
    memcpy(copy, filter.data, filter.length);
    filters->items[filters->count++] = (struct span){copy, filter.length};
    return true;
}

static bool add(struct filters *filters, const char *template, const struct facts *facts,
                bool denies)
{
    uint8_t *room = NULL;
    enum filling filling = look_at(template, facts);
    if (filling == NOT_FILLED || (filling == FILLED_WILD && !denies)) return true;
    room = malloc(UINT16_MAX);
    if (room == NULL) return false;
    struct bytes_writer out = bytes_writer_of(room, UINT16_MAX);
    struct span filter = {room, 0};
    if (fill_template(&out, template, facts)) filter.length = out.length;
    bool valid = filter.length > 0 && mqtt_topic_filter_is_valid(filter);
    bool done = true;
    if (valid)
        done = keep(filters, filter);
    else if (denies)
        done = keep(filters, span_of("#"));
    free(room);
    return done;
}

static bool fill(struct filters *filters, const struct config_strings *templates,
                 const struct facts *facts, bool denies)
{
    filters->items = calloc(templates->count + 1, sizeof *filters->items);
    if (filters->items == NULL) return false;
    for (size_t i = 0; i < templates->count; i++)
        if (!add(filters, templates->items[i], facts, denies)) return false;
    return true;
}

struct topics *topics_new(const struct config_topics *config, const struct facts *facts)
{
    struct topics *topics = calloc(1, sizeof *topics);
    if (topics == NULL) return NULL;
    topics->has_allow = config->has_allow;
    if (fill(&topics->allow, &config->allow, facts, false) &&
        fill(&topics->deny, &config->deny, facts, true))
        return topics;
    topics_free(topics);
    return NULL;
}

void topics_free(struct topics *topics)
{
    if (topics == NULL) return;
    clear(&topics->allow);
    clear(&topics->deny);
    free(topics);
}

size_t topics_filters(const struct topics *topics, bool denies, const struct span **filters)
{
    const struct filters *these = denies ? &topics->deny : &topics->allow;
    *filters = these->items;
    return these->count;
}

bool topics_may_publish(const struct topics *topics, struct span topic)
{
    if (topics == NULL) return true;
    bool allowed = !topics->has_allow;
    for (size_t i = 0; i < topics->allow.count && !allowed; i++)
        allowed = mqtt_topic_matches(topics->allow.items[i], topic);
    for (size_t i = 0; i < topics->deny.count && allowed; i++)
        allowed = !mqtt_topic_matches(topics->deny.items[i], topic);
    return allowed;
}

bool topics_may_subscribe(const struct topics *topics, struct span filter)
{
    if (topics == NULL) return true;
    filter = mqtt_topic_filter_unshared(filter);
    bool allowed = !topics->has_allow;
    for (size_t i = 0; i < topics->allow.count && !allowed; i++)
        allowed = mqtt_topic_filter_covers(topics->allow.items[i], filter);
    for (size_t i = 0; i < topics->deny.count && allowed; i++)
        allowed = !mqtt_topic_filter_meets(topics->deny.items[i], filter);
    return allowed;
}
