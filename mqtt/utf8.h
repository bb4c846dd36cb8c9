// SPDX-License-Identifier: GPL-3.0-or-later
/* UTF-8 encoded strings as MQTT has them (MQTT 3.1.1, 1.5.3; 5, 1.5.4). */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/* Well-formed, no surrogates (MQTT-1.5.3-1, MQTT5-1.5.4-1), no U+0000 (MQTT-1.5.3-2,
 * MQTT5-1.5.4-2). Control characters and non-characters, which a receiver may refuse, pass. */
bool mqtt_utf8_is_valid(struct span text);
/* Reads a string with its length before it; fails the cursor when it is not valid. */
struct span mqtt_utf8_decode(struct bytes *in);
void mqtt_utf8_encode(struct bytes_writer *out, struct span text);
