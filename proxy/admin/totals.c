// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/totals.h"

#include "base/json_put.h"
#include "proxy/counters.h"
#include "proxy/refusal.h"

#define OFFSET(field) offsetof(struct counters, field)

uint64_t totals_sum(const struct snapshot *snapshot, size_t offset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        total += tally_sum(snapshot->listeners[i].counters->tally, offset);
    return total;
}

static void add_word(void *arg, const char *word, uint64_t count)
{
    json_t *object = arg;
    json_int_t before = json_integer_value(json_object_get(object, word)); /* 0: it is not there */
    json_put(object, word, json_integer(before + (json_int_t)count));
}

json_t *totals_words(const struct snapshot *snapshot, size_t offset)
{
    json_t *object = json_object();
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        tally_words(snapshot->listeners[i].counters->tally, offset, add_word, object);
    return object;
}

static json_t *refusals(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    for (enum refusal refusal = REFUSAL_NONE + 1; refusal < REFUSAL_COUNT; refusal++) {
        uint64_t count = totals_sum(snapshot, OFFSET(refusals) + refusal * sizeof(struct counter));
        if (count > 0) json_put_number(object, refusal_word(refusal), count);
    }
    return object;
}

void totals_reasons_read(const struct snapshot *snapshot, struct totals_reasons *reasons)
{
    reasons->refusals = refusals(snapshot);
    reasons->handshake_failures = totals_words(snapshot, OFFSET(failures));
    reasons->sessions_ended = totals_words(snapshot, OFFSET(ended));
}

void totals_reasons_clear(struct totals_reasons *reasons)
{
    json_decref(reasons->refusals);
    json_decref(reasons->handshake_failures);
    json_decref(reasons->sessions_ended);
    *reasons = (struct totals_reasons){NULL, NULL, NULL};
}

static uint64_t sum_of(const json_t *counts)
{
    uint64_t total = 0;
    /* jansson's iterators write through their argument. */
    json_t *object = (json_t *)(uintptr_t)counts;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        total += (uint64_t)json_integer_value(json_object_iter_value(at));
    return total;
}

static uint64_t live(const struct snapshot *snapshot)
{
    uint64_t connections = 0;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        connections += atomic_load_explicit(&snapshot->listeners[i].counters->connections,
                                            memory_order_relaxed);
    return connections;
}

void totals_read(const struct snapshot *snapshot, const struct totals_reasons *reasons,
                 struct totals *totals)
{
    uint64_t resumed = totals_sum(snapshot, OFFSET(tls_1_2_resumed)) +
                       totals_sum(snapshot, OFFSET(tls_1_3_resumed));
    *totals = (struct totals){
        .connections = live(snapshot),
        .connections_total = totals_sum(snapshot, OFFSET(connections)),
        .handshakes = resumed + totals_sum(snapshot, OFFSET(tls_1_2_full)) +
                      totals_sum(snapshot, OFFSET(tls_1_3_full)),
        .handshakes_resumed = resumed,
        .handshake_failures = sum_of(reasons->handshake_failures),
        .admissions = totals_sum(snapshot, OFFSET(admissions)),
        .refusals = sum_of(reasons->refusals),
        .sessions_ended = sum_of(reasons->sessions_ended),
        .bytes_in = totals_sum(snapshot, OFFSET(bytes_in)),
        .bytes_out = totals_sum(snapshot, OFFSET(bytes_out)),
    };
}
