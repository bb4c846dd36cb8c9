// SPDX-License-Identifier: GPL-3.0-or-later
/* How the process leaves: first it says that it is not ready, then it accepts nobody, then clients
 * go within `spread`, and at `timeout` it is over. Thread: the main one. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "proxy/control/fleet.h"

struct drain;
typedef void drain_over_fn(struct drain *drain);

struct drain {
    uv_timer_t timer;
    struct fleet *fleet;
    drain_over_fn *on_over; /* the last client has left, or the time is over */
    uint64_t ends_ms;
    atomic_bool begun; /* read by other threads too */
};

/* The timer is closed by whoever closes the loop's handles. */
void drain_init(struct drain *drain, uv_loop_t *loop, struct fleet *fleet, drain_over_fn *on_over);
/* Begins; clients are accepted for `delay_ms` more. */
void drain_begin(struct drain *drain, uint64_t delay_ms);
