// SPDX-License-Identifier: GPL-3.0-or-later
/* A question to the workers from another thread, with a deadline: neither side waits for the other
 * longer than that. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "proxy/control/fleet.h"
#include "proxy/session.h"

/* One question to one worker. */
struct ask {
    struct ask *next; /* in the worker's mailbox */
};

/* For the worker: a reference more, what is to be filled, and the end, which takes a reference;
 * `whole` false: nothing could be found out. */
struct ask *ask_ref(struct ask *ask);
struct session_listing *ask_listing(struct ask *ask);
void ask_answer(struct ask *ask, bool whole);

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
