// SPDX-License-Identifier: GPL-3.0-or-later
/* When which server is checked: each one by itself, at times that do not fall together, and never
 * twice at once. What a check finds goes to the pools that the workers choose from. Thread: the
 * main one. */
#pragma once

#include <uv.h>

#include "base/attributes.h"
#include "proxy/control/fleet.h"

struct health;

/* Gives checks (health_free) of whatever the fleet serves. NULL: out of memory. */
struct health *health_start(uv_loop_t *loop, const struct fleet *fleet);
/* The fleet serves another generation. */
void health_look(struct health *health);
/* Breaks off what is under way; its timer is closed by whoever closes the loop's handles. Before
 * the fleet is cleared. May be repeated; NULL is fine. */
void health_stop(struct health *health);
/* After the loop has ended. NULL is fine. */
void health_free(struct health *health);
