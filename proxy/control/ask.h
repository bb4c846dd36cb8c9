// SPDX-License-Identifier: GPL-3.0-or-later
/* A question to a worker from another thread. Both hold it by reference, since either may be the
 * last to look: neither side waits for the other longer than it wants to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "proxy/session.h"

struct ask {
    struct ask *next; /* among those that the worker has not begun */
};

/* Gives a question (ask_unref); copies the query. NULL: out of memory. */
struct ask *ask_new(const struct session_query *query);
struct ask *ask_ref(struct ask *ask);
void ask_unref(struct ask *ask);
/* Lends what is to be filled: it is the worker's until it has answered, and then who has waited for
 * it may take what is in it. */
struct session_listing *ask_listing(struct ask *ask);
/* The worker's end of it, which takes its reference; `whole` false: nothing could be found out. */
void ask_answer(struct ask *ask, bool whole);
/* False: not answered until `until_ms` by clock_monotonic_ms, or not whole. */
MUST_USE bool ask_wait(struct ask *ask, uint64_t until_ms);
