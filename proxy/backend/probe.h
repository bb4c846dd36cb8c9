// SPDX-License-Identifier: GPL-3.0-or-later
/* One health check of one server: a TCP connection, or a CONNECT until its CONNACK. Thread: its
 * loop's. */
#pragma once

#include <uv.h>

#include "base/attributes.h"
#include "proxy/backend/pool.h"

enum { PROBE_CLIENT_ID_BYTES = 22 }; /* "postern-check-" and 8 digits; MQTT 3.1 takes 23 */

struct probe;

/* PROBE_IMPOSSIBLE: this machine lacked what a check needs, so nothing is known; or nobody has said
 * yet where the server is. */
enum probe_result { PROBE_GOOD, PROBE_BAD, PROBE_IMPOSSIBLE };

/* `why` is a sentence, lent; NULL with PROBE_GOOD. The probe is over and freed. */
typedef void probe_done_fn(void *owner, enum probe_result result, const char *why);

/* Begins a check of the pool's type, which borrows `pool` until it is over. NULL: it is over
 * already, and `done` has been called. */
struct probe *probe_start(uv_loop_t *loop, struct pool *pool, int server, probe_done_fn *done,
                          void *owner);
/* Its time is up: calls `done` with what has not come. */
void probe_expire(struct probe *probe);
/* Ends it without a word. */
void probe_cancel(struct probe *probe);
