// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/ask_sessions.h"

#include "base/clock.h"
#include "proxy/control/ask.h"

/* False: no answer in time. */
static bool ask_one(struct worker *worker, const struct session_query *query, uint64_t until_ms,
                    struct ask_sessions *found)
{
    struct ask *ask = ask_new(query);
    if (ask == NULL) return false;
    bool answered = worker_ask(worker, ask) && ask_wait(ask, until_ms);
    if (answered) {
        struct session_listing *listing = ask_listing(ask);
        json_t *items = listing->items;
        listing->items = NULL;
        found->matched += listing->matched;
        answered = json_array_extend(found->items, items) == 0;
        json_decref(items);
    }
    ask_unref(ask);
    return answered;
}

struct ask_sessions ask_sessions(const struct fleet *fleet, const struct session_query *query,
                                 uint64_t deadline_ms)
{
    struct ask_sessions found = {.items = json_array(), .whole = true};
    uint64_t until_ms = clock_monotonic_ms() + deadline_ms;
    for (unsigned i = 0; i < fleet->count; i++) {
        struct session_query rest = *query;
        size_t have = json_array_size(found.items);
        rest.skip = query->skip > found.matched ? query->skip - found.matched : 0;
        rest.most = query->most > have ? query->most - have : 0;
        if (!ask_one(fleet->workers[i], &rest, until_ms, &found)) found.whole = false;
    }
    return found;
}
