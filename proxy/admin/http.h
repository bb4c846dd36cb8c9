// SPDX-License-Identifier: GPL-3.0-or-later
/* The admin address: HTTP for operators and their tools, on a thread of its own. It only reads. */
#pragma once

#include <stdatomic.h>

#include "base/attributes.h"
#include "base/err.h"
#include "proxy/inventory.h"
#include "proxy/reload_report.h"

struct admin;

/* What it shows; borrowed until admin_stop. */
struct admin_sources {
    struct inventory *inventory;
    const atomic_bool *draining;
    struct reload_report *reloads;
};

/* Gives an admin server (admin_stop) that answers on `fd`, a listening socket, which it takes in
 * any case. NULL: told why. */
struct admin *admin_start(int fd, const struct admin_sources *sources, struct err *err);
/* Waits for the answers that are under way. NULL is fine. */
void admin_stop(struct admin *admin);
