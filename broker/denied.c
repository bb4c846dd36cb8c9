// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/denied.h"

#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "mqtt/topic.h"
#include "mqtt/topic_filter.h"

bool denied_set(struct denied *denied, const struct broker_access *access, struct err *err)
{
    size_t room = access->subscribe_deny_count * sizeof denied->filters[0];
    for (size_t i = 0; i < access->subscribe_deny_count; i++)
        room += strlen(access->subscribe_deny[i]);
    if (room == 0) return true;
    denied->filters = malloc(room);
    if (denied->filters == NULL) return err_set(err, "out of memory");
    uint8_t *text = (uint8_t *)(denied->filters + access->subscribe_deny_count);
    for (; denied->count < access->subscribe_deny_count; denied->count++) {
        const struct span filter = span_of(access->subscribe_deny[denied->count]);
        memcpy(text, filter.data, filter.length);
        denied->filters[denied->count] = (struct span){text, filter.length};
        text += filter.length;
    }
    return true;
}

void denied_clear(struct denied *denied)
{
    free(denied->filters);
    *denied = (struct denied){0};
}

bool denied_filter(const struct denied *denied, struct span filter)
{
    struct span plain = mqtt_topic_filter_unshared(filter);
    for (size_t i = 0; i < denied->count; i++)
        if (mqtt_topic_filter_covers(denied->filters[i], plain)) return true;
    return false;
}

bool denied_topic(const struct denied *denied, struct span topic)
{
    for (size_t i = 0; i < denied->count; i++)
        if (mqtt_topic_matches(denied->filters[i], topic)) return true;
    return false;
}
