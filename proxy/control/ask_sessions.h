// SPDX-License-Identifier: GPL-3.0-or-later
/* Who is connected: every worker is asked, by another thread, with a deadline for all of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/control/fleet.h"
#include "proxy/session.h"

/* What the workers have found together. */
struct ask_sessions {
    json_t *items;  /* an array; json_decref */
    size_t matched; /* of those who answered */
    bool whole;     /* all have answered in time */
};

/* Asks the workers one after the other, for `deadline_ms` at most. From any thread while the fleet
 * serves. */
struct ask_sessions ask_sessions(const struct fleet *fleet, const struct session_query *query,
                                 uint64_t deadline_ms);
