// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/topic.h"

#include <string.h>

#include "mqtt/utf8.h"

bool mqtt_topic_name_is_valid(struct span name)
{
    if (name.length == 0 || name.length > UINT16_MAX) return false;
    if (memchr(name.data, '#', name.length) != NULL) return false;
    return memchr(name.data, '+', name.length) == NULL && mqtt_utf8_is_valid(name);
}

bool mqtt_topic_next_level(struct span *topic, bool *more, struct span *level)
{
    if (!*more) return false;
    const uint8_t *slash = topic->length == 0 ? NULL : memchr(topic->data, '/', topic->length);
    *more = slash != NULL;
    level->data = topic->data;
    level->length = slash == NULL ? topic->length : (size_t)(slash - topic->data);
    if (slash != NULL) *topic = (struct span){slash + 1, topic->length - level->length - 1};
    return true;
}

static bool wildcards_are_right(struct span filter)
{
    bool more = true;
    struct span level;
    while (mqtt_topic_next_level(&filter, &more, &level)) {
        if (level.length == 0) continue;
        if (memchr(level.data, '#', level.length) != NULL && (level.length > 1 || more))
            return false; /* MQTT-4.7.1-2 */
        if (memchr(level.data, '+', level.length) != NULL && level.length > 1)
            return false; /* MQTT-4.7.1-3 */
    }
    return true;
}

/* What is behind $share/NAME/, an empty span if there is none of that; the filter itself if it is
 * not shared. */
static struct span without_share(struct span filter)
{
    static const char prefix[] = "$share/";
    const size_t skip = sizeof prefix - 1;
    if (filter.length < skip || memcmp(filter.data, prefix, skip) != 0) return filter;
    struct span rest = {filter.data + skip, filter.length - skip};
    struct span name;
    bool more = true;
    (void)mqtt_topic_next_level(&rest, &more, &name); /* there is always a first one */
    bool good = more && name.length > 0 && memchr(name.data, '+', name.length) == NULL &&
                memchr(name.data, '#', name.length) == NULL;
    return good ? rest : (struct span){NULL, 0};
}

bool mqtt_topic_filter_is_well_formed(struct span filter)
{
    if (filter.length == 0 || filter.length > UINT16_MAX) return false; /* MQTT-4.7.3-1 */
    return mqtt_utf8_is_valid(filter) && wildcards_are_right(filter);
}

bool mqtt_topic_filter_is_valid(struct span filter)
{
    return mqtt_topic_filter_is_well_formed(filter) && without_share(filter).length > 0;
}

bool mqtt_topic_matches(struct span filter, struct span name)
{
    bool more_filter = true;
    bool more_name = true;
    struct span wanted;
    struct span level;
    bool dollar = name.length > 0 && name.data[0] == '$';
    if (dollar && filter.length > 0 && (filter.data[0] == '#' || filter.data[0] == '+'))
        return false; /* MQTT-4.7.2-1 */
    while (mqtt_topic_next_level(&filter, &more_filter, &wanted)) {
        if (span_is(wanted, "#")) return true;
        if (!mqtt_topic_next_level(&name, &more_name, &level)) return false;
        if (!span_is(wanted, "+") && !span_equal(wanted, level)) return false;
        /* "a/#" is for "a" too (4.7.1.2). */
        if (!more_name && more_filter && span_is(filter, "#")) return true;
    }
    return !more_name;
}
