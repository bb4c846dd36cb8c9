// SPDX-License-Identifier: GPL-3.0-or-later
/* A small set of packet identifiers: the QoS 2 messages of a client whose PUBREL has not come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/* Zero-initialised is empty. */
struct packet_ids {
    struct packet_ids_list *list; /* or NULL */
};

void packet_ids_clear(struct packet_ids *set);
size_t packet_ids_count(const struct packet_ids *set);
bool packet_ids_has(const struct packet_ids *set, uint16_t id);
/* Adds one that is not there. False: out of memory. */
MUST_USE bool packet_ids_add(struct packet_ids *set, uint16_t id);
/* False: it was not there. */
bool packet_ids_remove(struct packet_ids *set, uint16_t id);
