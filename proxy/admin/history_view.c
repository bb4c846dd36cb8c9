// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/json_put.h"
#include "proxy/admin/history.h"
#include "proxy/admin/views.h"

char *history_view(struct board *board, uint64_t after, size_t *length)
{
    json_t *view = history_read(board->sources.history, after);
    json_put_time(view, "started", board->started_at);
    json_put_number(view, "interval_ms", HISTORY_INTERVAL_MS);
    return json_finish_compact(view, length);
}
