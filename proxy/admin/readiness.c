// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/readiness.h"

static bool any_is_live(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->config->backends_count; i++)
        if (pool_is_alive(&snapshot->pools[i])) return true;
    return false;
}

const char *readiness_problem(struct board *board)
{
    if (atomic_load(board->sources.draining)) return "draining";
    struct snapshot *snapshot = board_snapshot(board);
    bool live = any_is_live(snapshot);
    snapshot_unref(snapshot);
    return live ? NULL : "no server of any backend answers";
}
