// SPDX-License-Identifier: GPL-3.0-or-later
/* Readiness of many sockets on one libuv loop, at a few bytes for each: an epoll of their own,
 * which the loop watches as a whole. A libuv handle for each of them would be most of an idle
 * client's memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"

enum { POLLER_READ = 1, POLLER_WRITE = 2 };

/* Embedded in what owns the socket. */
struct polled {
    int fd; /* not blocking; -1: closed */
    uint8_t events;
};

typedef void polled_fn(struct polled *polled, unsigned events);

struct poller {
    int epoll;
    uv_poll_t handle;
    polled_fn *on_ready;
};

/* Calls `on_ready` with what a socket is ready for. One that was closed in between may still be
 * called: its owner may be freed only outside of all calls. The handle's data is the caller's.
 * False: no descriptor is left. */
MUST_USE bool poller_open(struct poller *poller, uv_loop_t *loop, polled_fn *on_ready);
/* `on_closed` follows from the loop. */
void poller_close(struct poller *poller, uv_close_cb on_closed);
/* Waits for these events from now on; none: for nothing, not even for its end. False: it cannot be
 * watched. */
MUST_USE bool poller_watch(const struct poller *poller, struct polled *polled, unsigned events);
/* Closes the socket. */
void poller_drop(const struct poller *poller, struct polled *polled);
