// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/history.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_put.h"

/* A minute ends with the sample that is nearest to its end: timers are a little late. */
enum { MINUTE_MS = 60000, MINUTE_ENDS_MS = MINUTE_MS + HISTORY_INTERVAL_MS / 2 };

/* What has happened since the sample before; as small as it can be, for there are many. */
struct sample {
    int64_t at_ms;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t span_ms;
    uint32_t connections; /* at its end */
    uint32_t accepted;
    uint32_t handshakes;
    uint32_t handshake_failures;
    uint32_t admissions;
    uint32_t refusals;
    uint32_t sessions_ended;
};

struct minute {
    int64_t at_ms;     /* its begin */
    uint64_t clock_ms; /* likewise */
    uint64_t last;     /* the number of the last sample in it */
    struct totals_reasons grown;
};

struct history {
    pthread_mutex_t lock; /* around all below */
    struct history_moment before;
    uint64_t samples_count; /* since the start: the number of the last one */
    uint64_t minutes_count;
    struct sample samples[HISTORY_SAMPLES];
    struct minute minutes[HISTORY_MINUTES];
};

struct history *history_new(void)
{
    struct history *history = calloc(1, sizeof *history);
    if (history == NULL) return NULL;
    (void)pthread_mutex_init(&history->lock, NULL); /* cannot fail for a plain mutex */
    history->before.at_ms = clock_wall_ms();
    history->before.clock_ms = clock_monotonic_ms();
    return history;
}

void history_free(struct history *history)
{
    if (history == NULL) return;
    for (size_t i = 0; i < HISTORY_MINUTES; i++)
        totals_reasons_clear(&history->minutes[i].grown);
    totals_reasons_clear(&history->before.reasons);
    (void)pthread_mutex_destroy(&history->lock); /* nobody holds it any more */
    free(history);
}

/* ---------------------------------------------------------------------------------------- writing
 */

/* A listener that a reload has removed takes its counts with it: nothing has grown then. */
static uint64_t growth(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static uint32_t small_growth(uint64_t now, uint64_t before)
{
    uint64_t grown = growth(now, before);
    return grown > UINT32_MAX ? UINT32_MAX : (uint32_t)grown;
}

static void add_growth(json_t *into, json_t *now, const json_t *before)
{
    for (void *at = json_object_iter(now); at != NULL; at = json_object_iter_next(now, at)) {
        const char *word = json_object_iter_key(at);
        json_int_t grown = json_integer_value(json_object_iter_value(at)) -
                           json_integer_value(json_object_get(before, word));
        if (grown > 0)
            json_put(into, word,
                     json_integer(json_integer_value(json_object_get(into, word)) + grown));
    }
}

static struct minute *open_minute(struct history *history, const struct history_moment *moment)
{
    const struct history_moment *before = &history->before;
    struct minute *minute =
        &history->minutes[(history->minutes_count + HISTORY_MINUTES - 1) % HISTORY_MINUTES];
    if (history->minutes_count > 0 && moment->clock_ms - minute->clock_ms <= MINUTE_ENDS_MS)
        return minute;
    minute = &history->minutes[history->minutes_count++ % HISTORY_MINUTES];
    totals_reasons_clear(&minute->grown);
    *minute = (struct minute){
        .at_ms = before->at_ms,
        .clock_ms = before->clock_ms,
        .grown = {json_object(), json_object(), json_object()}
    };
    return minute;
}

static void note_reasons(struct history *history, const struct history_moment *moment)
{
    struct minute *minute = open_minute(history, moment);
    struct totals_reasons *before = &history->before.reasons;
    const struct totals_reasons *now = &moment->reasons;
    minute->last = history->samples_count;
    add_growth(minute->grown.refusals, now->refusals, before->refusals);
    add_growth(minute->grown.handshake_failures, now->handshake_failures,
               before->handshake_failures);
    add_growth(minute->grown.sessions_ended, now->sessions_ended, before->sessions_ended);
}

static void note_sample(struct history *history, const struct history_moment *moment)
{
    const struct totals *now = &moment->totals;
    const struct totals *then = &history->before.totals;
    history->samples[history->samples_count++ % HISTORY_SAMPLES] = (struct sample){
        .at_ms = moment->at_ms,
        .bytes_in = growth(now->bytes_in, then->bytes_in),
        .bytes_out = growth(now->bytes_out, then->bytes_out),
        .span_ms = small_growth(moment->clock_ms, history->before.clock_ms),
        .connections = small_growth(now->connections, 0),
        .accepted = small_growth(now->connections_total, then->connections_total),
        .handshakes = small_growth(now->handshakes, then->handshakes),
        .handshake_failures = small_growth(now->handshake_failures, then->handshake_failures),
        .admissions = small_growth(now->admissions, then->admissions),
        .refusals = small_growth(now->refusals, then->refusals),
        .sessions_ended = small_growth(now->sessions_ended, then->sessions_ended),
    };
}

void history_note(struct history *history, const struct history_moment *moment)
{
    (void)pthread_mutex_lock(&history->lock); /* a plain mutex cannot fail */
    note_sample(history, moment);
    note_reasons(history, moment);
    totals_reasons_clear(&history->before.reasons);
    history->before = *moment;
    (void)json_incref(moment->reasons.refusals); /* what it gives is its argument */
    (void)json_incref(moment->reasons.handshake_failures);
    (void)json_incref(moment->reasons.sessions_ended);
    (void)pthread_mutex_unlock(&history->lock);
}

void history_sample(struct history *history, const struct snapshot *snapshot)
{
    struct history_moment moment = {.at_ms = clock_wall_ms(), .clock_ms = clock_monotonic_ms()};
    totals_reasons_read(snapshot, &moment.reasons);
    totals_read(snapshot, &moment.reasons, &moment.totals);
    history_note(history, &moment);
    totals_reasons_clear(&moment.reasons);
}

/* ---------------------------------------------------------------------------------------- reading
 */

static json_t *describe_sample(const struct sample *sample)
{
    json_t *object = json_object();
    json_put_time(object, "at", (time_t)(sample->at_ms / 1000));
    json_put_number(object, "span_ms", sample->span_ms);
    json_put_number(object, "connections", sample->connections);
    json_put_number(object, "accepted", sample->accepted);
    json_put_number(object, "handshakes", sample->handshakes);
    json_put_number(object, "handshake_failures", sample->handshake_failures);
    json_put_number(object, "admissions", sample->admissions);
    json_put_number(object, "refusals", sample->refusals);
    json_put_number(object, "sessions_ended", sample->sessions_ended);
    json_put_number(object, "bytes_in", sample->bytes_in);
    json_put_number(object, "bytes_out", sample->bytes_out);
    return object;
}

/* Copies, for a minute goes on growing. */
static json_t *describe_minute(const struct minute *minute)
{
    json_t *object = json_object();
    json_put_time(object, "at", (time_t)(minute->at_ms / 1000));
    json_put(object, "refusals_by_reason", json_deep_copy(minute->grown.refusals));
    json_put(object, "handshake_failures_by_reason",
             json_deep_copy(minute->grown.handshake_failures));
    json_put(object, "sessions_ended_by_reason", json_deep_copy(minute->grown.sessions_ended));
    return object;
}

static uint64_t oldest(uint64_t count, uint64_t most)
{
    return count > most ? count - most : 0;
}

/* The lock is held while the objects are made, some milliseconds: only the next sample waits. */
json_t *history_read(struct history *history, uint64_t after)
{
    json_t *view = json_object();
    json_t *samples = json_array();
    json_t *minutes = json_array();
    (void)pthread_mutex_lock(&history->lock); /* a plain mutex cannot fail */
    if (after > history->samples_count) after = 0;
    uint64_t first = oldest(history->samples_count, HISTORY_SAMPLES);
    for (uint64_t i = after > first ? after : first; i < history->samples_count; i++)
        (void)json_array_append_new(samples, /* takes it in any case */
                                    describe_sample(&history->samples[i % HISTORY_SAMPLES]));
    for (uint64_t i = oldest(history->minutes_count, HISTORY_MINUTES); i < history->minutes_count;
         i++) {
        const struct minute *minute = &history->minutes[i % HISTORY_MINUTES];
        if (minute->last > after)
            (void)json_array_append_new(minutes, describe_minute(minute)); /* likewise */
    }
    json_put_number(view, "last", history->samples_count);
    (void)pthread_mutex_unlock(&history->lock);
    json_put(view, "samples", samples);
    json_put(view, "minutes", minutes);
    return view;
}
