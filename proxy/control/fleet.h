// SPDX-License-Identifier: GPL-3.0-or-later
/* The workers together: what the main thread says to all of them. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "proxy/control/doors.h"
#include "proxy/control/inherited.h"
#include "proxy/control/worker.h"
#include "proxy/snapshot.h"

struct fleet {
    struct snapshot *snapshot; /* that new clients are served by */
    struct worker **workers;
    unsigned count;
    struct inventory *inventory;  /* borrowed by the workers; NULL: none is kept */
    struct incidents **incidents; /* likewise, one a worker */
    struct doors doors;
    struct inherited inherited; /* sockets that we did not make */
    bool handed_over;           /* a successor serves them */
};

/* Binds every listener of the snapshot, which it takes, for `workers` workers, or takes it from
 * `fleet->inherited`. fleet_clear is due in any case. False: told why. */
MUST_USE bool fleet_bind(struct fleet *fleet, struct snapshot *snapshot, unsigned workers,
                         struct err *err);
/* Starts the workers: from here on clients are served. False: told why. */
MUST_USE bool fleet_start(struct fleet *fleet, struct err *err);
/* Puts another generation in the place of the one that serves, all or nothing: binds what is new,
 * lets go of what is gone, and has the sessions judged again. Takes the snapshot in any case.
 * False: told why, and nothing has changed. */
MUST_USE bool fleet_install(struct fleet *fleet, struct snapshot *snapshot, struct err *err);
/* Accepts nobody any more, and has clients told to leave. */
void fleet_drain(struct fleet *fleet);
/* `order` is worker_recheck, worker_stop or worker_cut. */
void fleet_order(const struct fleet *fleet, void (*order)(struct worker *worker));
size_t fleet_sessions(const struct fleet *fleet);
/* All of them have heard of the drain, and nobody is left. */
bool fleet_is_empty(const struct fleet *fleet);
/* Waits for the workers, which have been stopped, and frees; removes the unix sockets that it made.
 */
void fleet_clear(struct fleet *fleet);
