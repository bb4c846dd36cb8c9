// SPDX-License-Identifier: GPL-3.0-or-later
/* Topic names and filters (MQTT 3.1.1, 4.7; 5, 4.7 and 4.8.2). */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/* At least one byte, no wildcard, valid UTF-8 (MQTT-3.3.2-1, MQTT-3.3.2-2, MQTT-4.7.3-1). */
bool mqtt_topic_name_is_valid(struct span name);
/* `#` at the end alone and `+` for whole levels (MQTT-4.7.1-2, MQTT-4.7.1-3). */
bool mqtt_topic_filter_is_well_formed(struct span filter);
/* The same, and $share/ only with a name and a filter behind it (MQTT5-4.8.2-1, MQTT5-4.8.2-2). */
bool mqtt_topic_filter_is_valid(struct span filter);
/* Both valid. A wildcard in front does not match a name that begins with $ (MQTT-4.7.2-1). */
bool mqtt_topic_matches(struct span filter, struct span name);
/* Takes the first level off `*topic`, without its slash. False: none is left. Begin with `*more`
 * true; "a/" has two levels, the second one empty. */
bool mqtt_topic_next_level(struct span *topic, bool *more, struct span *level);
