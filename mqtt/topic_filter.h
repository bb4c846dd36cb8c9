// SPDX-License-Identifier: GPL-3.0-or-later
/* Topic filters against topic filters: what an access rule has to know. All are valid ones, without
 * $share. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/* Whether every topic that `filter` matches is one that `wide` matches. */
bool mqtt_topic_filter_covers(struct span wide, struct span filter);
/* Whether there is a topic that both match. */
bool mqtt_topic_filter_meets(struct span a, struct span b);
/* The filter behind $share/NAME/ (MQTT 5, 4.8.2), or `filter` itself when it is not shared. */
struct span mqtt_topic_filter_unshared(struct span filter);
