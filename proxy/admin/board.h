// SPDX-License-Identifier: GPL-3.0-or-later
/* What the main thread lets the admin address's threads see: the generation that serves, how
 * reloads went, and where to ask for more. Thread: any. */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "proxy/admin/history.h"
#include "proxy/incidents.h"
#include "proxy/inventory.h"
#include "proxy/reload_report.h"
#include "proxy/session.h"
#include "proxy/snapshot.h"

/* Who is connected, from the workers; `items` is an array (json_decref). */
struct board_sessions {
    json_t *items;
    size_t matched;
    bool whole; /* all workers have answered in time */
};

typedef struct board_sessions board_ask_fn(void *arg, const struct session_query *query);

/* Borrowed until board_clear. */
struct board_sources {
    struct inventory *inventory;
    struct history *history;
    struct incidents **incidents; /* one a worker */
    unsigned workers;
    const atomic_bool *draining;
    struct reload_report *reloads;
    board_ask_fn *ask;
    void *ask_arg;
};

struct board {
    struct board_sources sources;
    time_t started_at;
    uint64_t started_ms;
    pthread_mutex_t lock; /* around these */
    struct snapshot *snapshot;
    time_t loaded_at; /* since when it serves */
};

void board_init(struct board *board, const struct board_sources *sources);
/* Lets go of the snapshot. */
void board_clear(struct board *board);
/* From the main thread: `snapshot` serves from now on; a reference is kept. */
void board_publish(struct board *board, struct snapshot *snapshot);
/* Gives the snapshot that serves (snapshot_unref). */
struct snapshot *board_snapshot(struct board *board);
/* Since when it serves. */
time_t board_loaded_at(struct board *board);
