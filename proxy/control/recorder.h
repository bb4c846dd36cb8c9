// SPDX-License-Identifier: GPL-3.0-or-later
/* Samples the counters for the history of the admin address, every few seconds. Thread: the main
 * one. */
#pragma once

#include <uv.h>

#include "proxy/admin/history.h"
#include "proxy/control/fleet.h"

struct recorder {
    uv_timer_t timer;
    struct history *history;
    const struct fleet *fleet;
};

/* Borrows both until the timer is closed. */
void recorder_start(struct recorder *recorder, uv_loop_t *loop, struct history *history,
                    const struct fleet *fleet);
