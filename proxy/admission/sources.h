// SPDX-License-Identifier: GPL-3.0-or-later
/* Where a listener's clients come from: how many connections each source has, and how often it has
 * failed. A source is an IPv4 address or an IPv6 /64. Bounded: a stranger takes the place of the
 * least interesting source, and where there is none it is served without being counted. Thread:
 * any. The caller says what time it is. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "config/config.h"

enum { SOURCES_MOST = 65536 };

struct sources;

/* Stands for one counted connection. Zero: it was not counted. */
struct sources_ticket {
    uint32_t slot : 31;
    uint32_t is_over : 1;
    uint32_t generation;
};

enum sources_verdict {
    SOURCES_WELCOME,
    SOURCES_OVER,     /* max_connections_per_source: it takes none of those places */
    SOURCES_FAR_OVER, /* by more than can be told so */
    SOURCES_BLOCKED
};

/* Gives a table (sources_unref), or NULL: out of memory. */
struct sources *sources_new(void);
struct sources *sources_ref(struct sources *sources);
/* NULL is fine. */
void sources_unref(struct sources *sources);

/* A connection has come from `address` (IPv4-mapped for IPv4). `*ticket` is for sources_leave. */
enum sources_verdict sources_enter(struct sources *sources, const struct in6_addr *address,
                                   const struct config_limits *limits, uint64_t now_ms,
                                   struct sources_ticket *ticket);
/* It has gone. */
void sources_leave(struct sources *sources, struct sources_ticket ticket);
/* It has failed. True: its source is blocked from now on, which it was not before. */
bool sources_fail(struct sources *sources, const struct in6_addr *address,
                  const struct config_penalty *penalty, uint64_t now_ms);
/* How many sources are blocked. */
size_t sources_blocked(struct sources *sources, uint64_t now_ms);
/* How many more than `limit` connections are let in for being told that they are too many: a
 * handshake is the price of an answer, and this bounds it. */
uint64_t sources_spare(uint64_t limit, uint64_t least);
