// SPDX-License-Identifier: GPL-3.0-or-later
/* What has happened in the last hour: a sample every few seconds, and why clients were not served
 * minute by minute. Both are rings of a fixed size, written by the main thread. Thread: any. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "proxy/admin/totals.h"
#include "proxy/snapshot.h"

enum {
    HISTORY_INTERVAL_MS = 5000,
    HISTORY_SAMPLES = 720, /* an hour */
    HISTORY_MINUTES = 60
};

struct history;

/* The counts at one moment. */
struct history_moment {
    int64_t at_ms;     /* since 1970 */
    uint64_t clock_ms; /* of the clock that only grows */
    struct totals totals;
    struct totals_reasons reasons;
};

/* Gives an empty history that begins now, with every count at zero (history_free), or NULL: out of
 * memory. */
struct history *history_new(void);
/* NULL is fine. */
void history_free(struct history *history);
/* Remembers what has grown since the moment before, in place of the oldest sample; keeps the
 * reasons (by reference). */
void history_note(struct history *history, const struct history_moment *moment);
/* The same with what `snapshot` counts now. */
void history_sample(struct history *history, const struct snapshot *snapshot);
/* Gives an object (json_decref) as docs/admin.md describes it: the samples whose number is larger
 * than `after`, and the minutes that they are in. All of them where `after` is none of ours. */
json_t *history_read(struct history *history, uint64_t after);
