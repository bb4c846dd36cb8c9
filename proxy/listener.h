// SPDX-License-Identifier: GPL-3.0-or-later
/* The door: one listening socket of one worker. TCP listeners share their port among the workers by
 * SO_REUSEPORT; the workers of a unix listener share one socket. Who cannot be served yet waits in
 * the kernel's queue. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/session.h"

enum { LISTENER_BACKLOG = 4096 };

struct listener {
    uv_poll_t door;
    uv_timer_t pause; /* active: nothing is accepted for a moment */
    unsigned handles; /* that are not closed yet */
    int fd;
    bool is_unix;
    struct session_origin origin; /* changes with the generation */
    char address[];               /* as written */
};

/* Gives a bound, listening socket for the address (close), or -1: told why. A name is resolved
 * here; a unix socket that nobody listens on any more is replaced. `first`: for the first of our
 * workers, who sees that no other process has the port. Privileged ports work while we are root. */
int listener_bind(const struct config_address *address, bool first, struct err *err);
/* Gives a listener (listener_stop) that accepts from `fd`, which it takes, on the origin's loop;
 * `address` is copied. NULL: told why, and the descriptor is closed. */
struct listener *listener_start(const struct session_origin *origin, int fd,
                                const struct config_address *address, struct err *err);
/* Stops accepting, forgets it and frees it when the loop has closed the socket. NULL is fine. */
void listener_stop(struct listener **listener);
