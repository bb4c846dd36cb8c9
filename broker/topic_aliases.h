// SPDX-License-Identifier: GPL-3.0-or-later
/* The topics that a client has been told an alias for (MQTT 5, 3.3.2.3.4). A topic has one place,
 * which its hash gives; whoever comes to a place that is taken takes it over. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct topic_aliases;

/* A topic of so few bytes costs no more in full than as an alias; of one of so many, and of so many
 * aliases, a copy would cost more memory than a client is worth. */
enum { TOPIC_ALIASES_SHORT = 3, TOPIC_ALIASES_LONG = 1024, TOPIC_ALIASES_MOST = 64 };

/* Gives a table of `count` aliases, 1 or more, TOPIC_ALIASES_MOST of them at most
 * (topic_aliases_free); NULL: out of memory. */
struct topic_aliases *topic_aliases_new(uint16_t count);
void topic_aliases_free(struct topic_aliases *aliases);
/* The alias that a topic has or would get, 0: none; `*told`: it stands for it already. */
uint16_t topic_aliases_of(const struct topic_aliases *aliases, struct span topic, bool *told);
/* The client is being told: `alias`, from topic_aliases_of, stands for `topic`. False: no memory,
 * and it stands for nothing. */
MUST_USE bool topic_aliases_tell(struct topic_aliases *aliases, uint16_t alias, struct span topic);
