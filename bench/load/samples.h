// SPDX-License-Identifier: GPL-3.0-or-later
/* Durations that were measured, and where their percentiles lie. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct samples {
    uint64_t *ns;
    size_t count;
    size_t room;
};

void samples_add(struct samples *samples, uint64_t ns);
void samples_clear(struct samples *samples);
/* Gives {"count", "p50_us", "p99_us", "max_us"}; sorts. */
json_t *samples_report(struct samples *samples);
