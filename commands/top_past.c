// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/top_past.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "base/json_put.h"

enum { COLUMN_MS = 120000, MINUTE_MS = 60000 };

static int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

int64_t top_past_sum(const json_t *history, const char *name, unsigned minutes)
{
    const json_t *samples = json_object_get(history, "samples");
    int64_t left_ms = (int64_t)minutes * MINUTE_MS;
    int64_t sum = 0;
    for (size_t i = json_array_size(samples); i > 0 && left_ms > 0; i--) {
        const json_t *sample = json_array_get(samples, i - 1);
        sum += number_of(sample, name);
        left_ms -= number_of(sample, "span_ms");
    }
    return sum;
}

double top_past_rate(const json_t *history, const char *name)
{
    const json_t *samples = json_object_get(history, "samples");
    size_t count = json_array_size(samples);
    const json_t *sample = count == 0 ? NULL : json_array_get(samples, count - 1);
    int64_t span_ms = number_of(sample, "span_ms");
    return span_ms <= 0 ? -1 : (double)number_of(sample, name) * 1000 / (double)span_ms;
}

json_t *top_past_reasons(const json_t *history, const char *kind, unsigned minutes)
{
    const json_t *all = json_object_get(history, "minutes");
    json_t *sums = json_object();
    size_t count = json_array_size(all);
    for (size_t i = count > minutes ? count - minutes : 0; i < count; i++) {
        const char *word = NULL;
        json_t *value = NULL;
        json_object_foreach(json_object_get(json_array_get(all, i), kind), word, value)
        {
            json_put(sums, word, json_integer(number_of(sums, word) + json_integer_value(value)));
        }
    }
    return sums;
}

/* A gauge counts with the most that it was. */
static size_t fill_columns(int64_t columns[static TOP_PAST_COLUMNS], const json_t *history,
                           const char *name)
{
    const json_t *samples = json_object_get(history, "samples");
    bool gauge = strcmp(name, "connections") == 0;
    int64_t before_ms = 0;
    size_t used = 0;
    for (size_t i = json_array_size(samples); i > 0; i--) {
        const json_t *sample = json_array_get(samples, i - 1);
        size_t back = (size_t)(before_ms / COLUMN_MS);
        if (back >= TOP_PAST_COLUMNS) break;
        int64_t value = number_of(sample, name);
        int64_t *column = &columns[TOP_PAST_COLUMNS - 1 - back];
        *column = !gauge ? *column + value : value > *column ? value : *column;
        before_ms += number_of(sample, "span_ms");
        used = back + 1;
    }
    return used;
}

void top_past_line(char out[static TOP_PAST_ROOM], const json_t *history, const char *name)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int64_t columns[TOP_PAST_COLUMNS] = {0};
    int64_t most = 1;
    size_t length = 0;
    size_t used = fill_columns(columns, history, name);
    for (size_t i = 0; i < TOP_PAST_COLUMNS; i++)
        if (columns[i] > most) most = columns[i];
    for (size_t i = 0; i < TOP_PAST_COLUMNS; i++) {
        /* Nothing is the lowest bar, and the least that is not nothing the one above it. */
        int64_t height = columns[i] == 0 ? 0 : 1 + columns[i] * 6 / most;
        const char *bar = i < TOP_PAST_COLUMNS - used ? " " : bars[height];
        length += (size_t)snprintf(out + length, TOP_PAST_ROOM - length, "%s", bar);
    }
}
