// SPDX-License-Identifier: GPL-3.0-or-later
/* What dials and checks have found at a server: `why` NULL, it is there; otherwise a sentence.
 * Whoever turns up or down by that is told in the log, once, and those who wait for a server choose
 * again. Any thread. */
#pragma once

#include <stdint.h>

#include "proxy/backend/pool.h"

void findings_of_dial(struct pool *pool, int server, const char *why, uint64_t now_ms);
void findings_of_check(struct pool *pool, int server, const char *why, uint64_t now_ms);
