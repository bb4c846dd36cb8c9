// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/topic_filter.h"

#include <string.h>

#include "mqtt/topic.h"

static bool begins_wild(struct span filter)
{
    return filter.length > 0 && (filter.data[0] == '#' || filter.data[0] == '+');
}

/* A wildcard in front matches no topic that begins with $ (MQTT-4.7.2-1). */
static bool begins_with_dollar(struct span filter)
{
    return filter.length > 0 && filter.data[0] == '$';
}

bool mqtt_topic_filter_covers(struct span wide, struct span filter)
{
    bool more_wide = true;
    bool more = true;
    struct span wanted;
    struct span level;
    if (begins_wild(wide) && begins_with_dollar(filter)) return false;
    while (mqtt_topic_next_level(&wide, &more_wide, &wanted)) {
        if (span_is(wanted, "#")) return true;
        if (!mqtt_topic_next_level(&filter, &more, &level)) return false;
        if (span_is(level, "#")) return false;
        if (!span_is(wanted, "+") && !span_equal(wanted, level)) return false;
        /* "a/#" is for "a" too (4.7.1.2). */
        if (!more && more_wide && span_is(wide, "#")) return true;
    }
    return !more;
}

bool mqtt_topic_filter_meets(struct span a, struct span b)
{
    bool more_a = true;
    bool more_b = true;
    struct span level_a;
    struct span level_b;
    if ((begins_wild(a) && begins_with_dollar(b)) || (begins_wild(b) && begins_with_dollar(a)))
        return false;
    for (;;) {
        bool there_a = mqtt_topic_next_level(&a, &more_a, &level_a);
        bool there_b = mqtt_topic_next_level(&b, &more_b, &level_b);
        if (!there_a && !there_b) return true;
        if (there_a && span_is(level_a, "#")) return true;
        if (there_b && span_is(level_b, "#")) return true;
        if (!there_a || !there_b) return false;
        bool same = span_is(level_a, "+") || span_is(level_b, "+") || span_equal(level_a, level_b);
        if (!same) return false;
    }
}

struct span mqtt_topic_filter_unshared(struct span filter)
{
    static const char prefix[] = "$share/";
    const size_t skip = sizeof prefix - 1;
    if (filter.length < skip || memcmp(filter.data, prefix, skip) != 0) return filter;
    const uint8_t *slash = memchr(filter.data + skip, '/', filter.length - skip);
    if (slash == NULL) return filter;
    return (struct span){slash + 1, filter.length - (size_t)(slash + 1 - filter.data)};
}
