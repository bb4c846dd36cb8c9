// SPDX-License-Identifier: GPL-3.0-or-later
/* A new process takes over the listening sockets of this one, so that no connection is refused or
 * reset meanwhile, and this one lets its clients leave. On SIGUSR2:
 *
 *   predecessor  --sockets, "end"-->  successor (loads the configuration, begins to serve)
 *                <--"ready"---------
 *                --"go"------------>                                  Thread: the main one. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/err.h"
#include "proxy/control/fleet.h"
#include "proxy/control/spawner.h"

/* The name that the admin address has among sockets that are handed over. */
#define UPGRADE_ADMIN "admin "

/* The predecessor's side. */
struct upgrade;
/* It is over, and frees itself; `done`: the successor serves, and we are to let our clients leave.
 */
typedef void upgrade_over_fn(void *arg, bool done);

/* What is handed over; borrowed for the call. */
struct upgrade_sockets {
    const struct doors *doors;
    const struct inherited *inherited;
    const char *admin_address; /* NULL: none */
    int admin_fd;
};

/* Starts a successor, which has `timeout_ms` to become ready, and hands the sockets over; whatever
 * fails, now or later, is logged, and everything is as before, without the successor. Keeps
 * `spawner`. Gives what is under way until `over` is called, or NULL. */
struct upgrade *upgrade_start(uv_loop_t *loop, struct spawner *spawner,
                              const struct upgrade_sockets *sockets, uint64_t timeout_ms,
                              upgrade_over_fn *over, void *arg);
/* Breaks it off, and ends the successor; `over` is not called. NULL is fine. */
void upgrade_stop(struct upgrade *upgrade);

/* The successor's side. */

/* Reads from the environment whether this process is one; -1: it is not. Signs of life that the
 * service manager wants are ours to give then. */
int upgrade_predecessor(void);
/* Receives the sockets. False: told why. */
MUST_USE bool upgrade_receive(int predecessor, struct inherited *inherited, struct err *err);
/* Says that we serve, and waits for the answer. False: the predecessor goes on itself, told why. */
MUST_USE bool upgrade_ready(int predecessor, struct err *err);
/* Says why this process does not serve. */
void upgrade_failed(const char *why);
