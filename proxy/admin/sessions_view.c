// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/json_put.h"
#include "proxy/admin/views.h"

static uint64_t live(const struct snapshot *snapshot)
{
    uint64_t count = 0;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        count += atomic_load_explicit(&snapshot->listeners[i].counters->connections,
                                      memory_order_relaxed);
    return count;
}

char *sessions_view(struct board *board, const struct session_query *query, size_t *length)
{
    struct board_sessions found = board->sources.ask(board->sources.ask_arg, query);
    struct snapshot *snapshot = board_snapshot(board);
    json_t *view = json_object();
    size_t shown = json_array_size(found.items);
    json_int_t next = (json_int_t)query->skip + (json_int_t)shown;
    bool more = next < (json_int_t)found.matched;
    json_put_number(view, "connections", live(snapshot));
    json_put_number(view, "matched", found.matched);
    json_put_bool(view, "complete", found.whole);
    json_put_number(view, "offset", query->skip);
    json_put_number(view, "limit", query->most);
    json_put(view, "next_offset", more && shown > 0 ? json_integer(next) : json_null());
    json_put(view, "sessions", found.items);
    snapshot_unref(snapshot);
    return json_finish(view, length);
}
