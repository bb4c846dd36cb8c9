// SPDX-License-Identifier: GPL-3.0-or-later
/* The counts of all listeners together, by all workers. Thread: any. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "proxy/snapshot.h"

struct totals {
    uint64_t connections; /* now; all others since the start */
    uint64_t connections_total;
    uint64_t handshakes;
    uint64_t handshakes_resumed;
    uint64_t handshake_failures;
    uint64_t admissions;
    uint64_t refusals;
    uint64_t sessions_ended;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* By reason, those that have occurred; objects (totals_reasons_clear). */
struct totals_reasons {
    json_t *refusals;
    json_t *handshake_failures;
    json_t *sessions_ended;
};

void totals_reasons_read(const struct snapshot *snapshot, struct totals_reasons *reasons);
void totals_reasons_clear(struct totals_reasons *reasons);
/* `reasons` are what totals_reasons_read gave, of the same moment. */
void totals_read(const struct snapshot *snapshot, const struct totals_reasons *reasons,
                 struct totals *totals);
/* The sum of the struct counter at `offset` of struct counters. */
uint64_t totals_sum(const struct snapshot *snapshot, size_t offset);
/* The sums of the struct counter_words at `offset` of struct counters, by word; gives an object
 * (json_decref). */
json_t *totals_words(const struct snapshot *snapshot, size_t offset);
