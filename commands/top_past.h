// SPDX-License-Identifier: GPL-3.0-or-later
/* What `postern top` makes of /api/v1/history. */
#pragma once

#include <jansson.h>
#include <stdint.h>

enum {
    TOP_PAST_COLUMNS = 30,
    TOP_PAST_ROOM = TOP_PAST_COLUMNS * 3 + 1 /* of UTF-8 */
};

/* How many in the last `minutes`, of a member of samples[]. */
int64_t top_past_sum(const json_t *history, const char *name, unsigned minutes);
/* How many a second in the last sample; negative: there is none yet. */
double top_past_rate(const json_t *history, const char *name);
/* Likewise of minutes[]: adds the counts of `kind`, an object by reason, up; gives an object
 * (json_decref). */
json_t *top_past_reasons(const json_t *history, const char *kind, unsigned minutes);
/* A line of the last hour, two minutes a column, the latest at the right; its highest bar is the
 * most there was. `name` is a count, or the gauge `connections`. */
void top_past_line(char out[static TOP_PAST_ROOM], const json_t *history, const char *name);
