// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/load/samples.h"

#include <stdlib.h>

#include "base/attributes.h"

void samples_add(struct samples *samples, uint64_t ns)
{
    if (samples->count == samples->room) {
        samples->room = samples->room == 0 ? 4096 : 2 * samples->room;
        samples->ns = realloc(samples->ns, samples->room * sizeof *samples->ns);
        CHECK(samples->ns != NULL);
    }
    samples->ns[samples->count++] = ns;
}

void samples_clear(struct samples *samples)
{
    free(samples->ns);
    *samples = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static double percentile_us(const struct samples *samples, double part)
{
    size_t index = (size_t)(part * (double)(samples->count - 1) + 0.5);
    return (double)samples->ns[index] / 1000;
}

json_t *samples_report(struct samples *samples)
{
    if (samples->count == 0) return json_pack("{s:i}", "count", 0);
    qsort(samples->ns, samples->count, sizeof *samples->ns, compare);
    return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)samples->count, "p50_us",
                     percentile_us(samples, 0.5), "p99_us", percentile_us(samples, 0.99), "max_us",
                     percentile_us(samples, 1));
}
