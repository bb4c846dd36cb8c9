// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/board.h"

#include "base/clock.h"

void board_init(struct board *board, const struct board_sources *sources)
{
    *board = (struct board){
        .sources = *sources, .started_at = time(NULL), .started_ms = clock_monotonic_ms()};
    (void)pthread_mutex_init(&board->lock, NULL); /* cannot fail for a plain mutex */
}

void board_clear(struct board *board)
{
    snapshot_unref(board->snapshot);
    (void)pthread_mutex_destroy(&board->lock); /* nobody holds it any more */
}

void board_publish(struct board *board, struct snapshot *snapshot)
{
    (void)snapshot_ref(snapshot);
    (void)pthread_mutex_lock(&board->lock); /* a plain mutex cannot fail */
    struct snapshot *before = board->snapshot;
    board->snapshot = snapshot;
    board->loaded_at = time(NULL);
    (void)pthread_mutex_unlock(&board->lock);
    snapshot_unref(before);
}

struct snapshot *board_snapshot(struct board *board)
{
    (void)pthread_mutex_lock(&board->lock); /* a plain mutex cannot fail */
    struct snapshot *snapshot = snapshot_ref(board->snapshot);
    (void)pthread_mutex_unlock(&board->lock);
    return snapshot;
}

time_t board_loaded_at(struct board *board)
{
    (void)pthread_mutex_lock(&board->lock); /* a plain mutex cannot fail */
    time_t when = board->loaded_at;
    (void)pthread_mutex_unlock(&board->lock);
    return when;
}
