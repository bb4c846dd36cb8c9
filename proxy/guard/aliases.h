// SPDX-License-Identifier: GPL-3.0-or-later
/* The topic aliases that a client has set (MQTT 5, 3.3.2.3.4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

/* Zero-initialised is empty. */
struct aliases {
    struct span *items; /* by number */
    size_t room;
    size_t bytes; /* of all topics */
};

/* Remembers a copy. False: they have become too many, or out of memory. */
MUST_USE bool aliases_set(struct aliases *aliases, uint16_t number, struct span topic);
/* Lends the topic; empty: the alias has not been set. */
struct span aliases_find(const struct aliases *aliases, uint16_t number);
void aliases_clear(struct aliases *aliases);
