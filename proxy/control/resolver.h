// SPDX-License-Identifier: GPL-3.0-or-later
/* Where the names of servers lead: asked for in the background, and again when the answer's time to
 * live is over, so that no client ever waits for a lookup; the last good answer stays when there is
 * no new one. Thread: the main one. */
#pragma once

#include <uv.h>

#include "base/attributes.h"
#include "base/err.h"
#include "proxy/control/fleet.h"

struct resolver;

/* Gives a resolver (resolver_free) for the names of whatever the fleet serves. NULL: told why. */
struct resolver *resolver_start(uv_loop_t *loop, const struct fleet *fleet, struct err *err);
/* The fleet serves another generation. */
void resolver_look(struct resolver *resolver);
/* Breaks off what is being asked; its timer is closed by whoever closes the loop's handles. Before
 * the fleet is cleared. May be repeated; NULL is fine. */
void resolver_stop(struct resolver *resolver);
/* After the loop has ended. NULL is fine. */
void resolver_free(struct resolver *resolver);
