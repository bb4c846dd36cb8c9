// SPDX-License-Identifier: GPL-3.0-or-later
/* Follows the boundaries of control packets in a stream that is passed on untouched, by their fixed
 * headers alone: counts them, and says where a packet of ours may be put between. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct packets {
    uint64_t count;      /* begun so far */
    uint32_t left;       /* bytes of the current packet that are still to come */
    uint32_t length;     /* the remaining length as far as it has been read */
    uint8_t first;       /* byte of the latest packet: its type and flags */
    uint8_t header_read; /* bytes of a fixed header that have been read, 0: none */
    bool lost;           /* a header that cannot be: no boundary is known any more */
};

/* Goes on with `data`, the next bytes of the stream. */
void packets_follow(struct packets *packets, struct span data);
/* Every packet so far is whole. */
bool packets_at_boundary(const struct packets *packets);
/* How many of the next bytes of the stream, `data`, go until a packet ends; all, if none does. */
size_t packets_until_boundary(const struct packets *packets, struct span data);
/* The latest packet is a DISCONNECT, and it is whole. */
bool packets_end_with_disconnect(const struct packets *packets);
