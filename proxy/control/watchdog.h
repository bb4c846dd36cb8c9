// SPDX-License-Identifier: GPL-3.0-or-later
/* Tells the service manager that the process lives, as long as each of its workers does: a thread
 * that hangs has clients that nobody serves, however well the main one is. Thread: the main one. */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "proxy/control/fleet.h"
#include "proxy/control/notify.h"

struct watchdog {
    uv_timer_t timer;
    const struct notify *notify;
    const struct fleet *fleet;
    unsigned hung; /* the number of the worker that was told last, from 1; 0: none */
};

/* Begins, if the manager wants it. Both are borrowed; the timer is closed by whoever closes the
 * loop's handles. */
void watchdog_start(struct watchdog *watchdog, uv_loop_t *loop, const struct notify *notify,
                    const struct fleet *fleet);
void watchdog_stop(struct watchdog *watchdog);
