// SPDX-License-Identifier: GPL-3.0-or-later
/* Keeps the OCSP answers fresh that `ocsp_stapling: auto` staples: asks the responders in the
 * background, never in a handshake, and keeps the last good answer. Thread: the main one. */
#pragma once

#include <uv.h>

#include "base/attributes.h"
#include "proxy/control/fleet.h"

struct ocsp_refresh;

/* Gives a refresher (ocsp_refresh_free) for whatever the fleet serves. NULL: out of memory. */
struct ocsp_refresh *ocsp_refresh_start(uv_loop_t *loop, const struct fleet *fleet);
/* The fleet serves another generation. */
void ocsp_refresh_look(struct ocsp_refresh *refresh);
/* Breaks off what is being asked, within a second or so; its timer is closed by whoever closes the
 * loop's handles. May be repeated; NULL is fine. */
void ocsp_refresh_stop(struct ocsp_refresh *refresh);
/* After the loop has ended. NULL is fine. */
void ocsp_refresh_free(struct ocsp_refresh *refresh);
