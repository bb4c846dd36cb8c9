// SPDX-License-Identifier: GPL-3.0-or-later
/* Filters against filters, and against a topic: what is covered is matched, and what is matched by
 * both meets. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "mqtt/topic.h"
#include "mqtt/topic_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    if (length < 3) return 0;
    size_t rest = length - 2;
    size_t first = data[0] * rest / 255;
    size_t second = data[1] * (rest - first) / 255;
    const struct span a = {data + 2, first};
    const struct span b = {data + 2 + first, second};
    const struct span topic = {data + 2 + first + second, rest - first - second};
    if (!mqtt_topic_filter_is_valid(a) || !mqtt_topic_filter_is_valid(b)) return 0;
    struct span plain_a = mqtt_topic_filter_unshared(a);
    struct span plain_b = mqtt_topic_filter_unshared(b);
    bool covers = mqtt_topic_filter_covers(plain_a, plain_b);
    bool meets = mqtt_topic_filter_meets(plain_a, plain_b);
    CHECK(meets == mqtt_topic_filter_meets(plain_b, plain_a));
    CHECK(mqtt_topic_filter_covers(plain_a, plain_a) && mqtt_topic_filter_meets(plain_a, plain_a));
    CHECK(!covers || meets);
    if (!mqtt_topic_name_is_valid(topic)) return 0;
    bool in_a = mqtt_topic_matches(plain_a, topic);
    bool in_b = mqtt_topic_matches(plain_b, topic);
    CHECK(!(in_a && in_b) || meets);
    CHECK(!(covers && in_b) || in_a);
    return 0;
}
