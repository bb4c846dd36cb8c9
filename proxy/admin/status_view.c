// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_put.h"
#include "proxy/admin/readiness.h"
#include "proxy/admin/views.h"
#include "proxy/counters.h"
#include "proxy/refusal.h"

enum { INCIDENTS_SHOWN = 50 };

#define OFFSET(field) offsetof(struct counters, field)

/* ---------------------------------------------------------------------------------------- totals
 */

static uint64_t sum(const struct snapshot *snapshot, size_t offset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        total += tally_sum(snapshot->listeners[i].counters->tally, offset);
    return total;
}

static uint64_t live(const struct listener_counters *counters)
{
    return atomic_load_explicit(&counters->connections, memory_order_relaxed);
}

static void add_word(void *arg, const char *word, uint64_t count)
{
    json_t *object = arg;
    json_int_t before = json_integer_value(json_object_get(object, word)); /* 0: it is not there */
    json_put(object, word, json_integer(before + (json_int_t)count));
}

/* Of all listeners together. */
static json_t *words(const struct snapshot *snapshot, size_t offset)
{
    json_t *object = json_object();
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        tally_words(snapshot->listeners[i].counters->tally, offset, add_word, object);
    return object;
}

static uint64_t total_of(const json_t *object)
{
    uint64_t total = 0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at))
        total += (uint64_t)json_integer_value(json_object_iter_value(at));
    return total;
}

static json_t *refusals(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    for (enum refusal refusal = REFUSAL_NONE + 1; refusal < REFUSAL_COUNT; refusal++) {
        uint64_t count = sum(snapshot, OFFSET(refusals) + refusal * sizeof(struct counter));
        if (count > 0) json_put_number(object, refusal_word(refusal), count);
    }
    return object;
}

static json_t *versions(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    json_put_number(object, "1.2",
                    sum(snapshot, OFFSET(tls_1_2_full)) + sum(snapshot, OFFSET(tls_1_2_resumed)));
    json_put_number(object, "1.3",
                    sum(snapshot, OFFSET(tls_1_3_full)) + sum(snapshot, OFFSET(tls_1_3_resumed)));
    return object;
}

static json_t *mqtt(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    json_put_number(object, "3.1", sum(snapshot, OFFSET(mqtt_3_1)));
    json_put_number(object, "3.1.1", sum(snapshot, OFFSET(mqtt_3_1_1)));
    json_put_number(object, "5", sum(snapshot, OFFSET(mqtt_5)));
    return object;
}

static json_t *totals(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    json_t *by_version = versions(snapshot);
    json_t *by_refusal = refusals(snapshot);
    json_t *by_failure = words(snapshot, OFFSET(failures));
    json_t *by_end = words(snapshot, OFFSET(ended));
    uint64_t connections = 0;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        connections += live(snapshot->listeners[i].counters);
    json_put_number(object, "connections", connections);
    json_put_number(object, "connections_total", sum(snapshot, OFFSET(connections)));
    json_put_number(object, "handshakes", total_of(by_version));
    json_put_number(object, "handshakes_resumed",
                    sum(snapshot, OFFSET(tls_1_2_resumed)) +
                        sum(snapshot, OFFSET(tls_1_3_resumed)));
    json_put_number(object, "handshake_failures", total_of(by_failure));
    json_put_number(object, "admissions", sum(snapshot, OFFSET(admissions)));
    json_put_number(object, "refusals", total_of(by_refusal));
    json_put_number(object, "sessions_ended", total_of(by_end));
    json_put_number(object, "bytes_in", sum(snapshot, OFFSET(bytes_in)));
    json_put_number(object, "bytes_out", sum(snapshot, OFFSET(bytes_out)));
    json_put(object, "tls_versions", by_version);
    json_put(object, "groups", words(snapshot, OFFSET(groups)));
    json_put(object, "ciphers", words(snapshot, OFFSET(ciphers)));
    json_put(object, "mqtt_versions", mqtt(snapshot));
    json_put(object, "refusals_by_reason", by_refusal);
    json_put(object, "handshake_failures_by_reason", by_failure);
    json_put(object, "sessions_ended_by_reason", by_end);
    return object;
}

/* ------------------------------------------------------------------------------- what there is */

static json_t *listeners(const struct snapshot *snapshot)
{
    json_t *list = json_array();
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct snapshot_listener *listener = &snapshot->listeners[i];
        size_t policy = listener->config->policy;
        json_t *object = json_object();
        json_put_text(object, "listener", listener->config->name);
        json_put_text(object, "address", listener->config->address.text);
        json_put_text(object, "policy",
                      policy == SIZE_MAX ? NULL : snapshot->config->policies[policy].name);
        json_put_number(object, "connections", live(listener->counters));
        json_put_number(object, "max_connections", listener->config->limits.max_connections);
        (void)json_array_append_new(list, object); /* takes it in any case */
    }
    return list;
}

static json_t *rules(const struct snapshot *snapshot)
{
    json_t *list = json_array();
    for (size_t i = 0; i < snapshot->config->policies_count; i++) {
        const struct config_policy *policy = &snapshot->config->policies[i];
        for (size_t j = 0; j <= policy->rules_count; j++) {
            const struct config_rule *rule = j < policy->rules_count ? &policy->rules[j] : NULL;
            json_t *object = json_object();
            json_put_text(object, "policy", policy->name);
            json_put_text(object, "rule", rule == NULL ? "(otherwise)" : rule->name);
            json_put_number(object, "admissions",
                            policy_counters_admissions(&snapshot->rule_counters[i], j));
            json_put_number(object, "refusals",
                            policy_counters_refusals(&snapshot->rule_counters[i], j));
            json_put_time(object, "until", rule == NULL ? 0 : rule->until);
            (void)json_array_append_new(list, object); /* takes it in any case */
        }
    }
    return list;
}

static json_t *last_reload(const struct reload_results *reloads)
{
    json_t *object = json_object();
    bool none = reloads->last_ms == 0;
    json_put_time(object, "at", (time_t)(reloads->last_ms / 1000));
    json_put_text(object, "result", none ? NULL : reloads->last_succeeded ? "success" : "failure");
    json_put_text(object, "because", none ? NULL : reloads->because);
    json_put_text(object, "error", none || reloads->last_succeeded ? NULL : reloads->error);
    return object;
}

/* ------------------------------------------------------------------------------------- incidents
 */

static int latest_first(const void *a, const void *b)
{
    const struct incident *left = a;
    const struct incident *right = b;
    return (left->at_ms < right->at_ms) - (left->at_ms > right->at_ms);
}

static json_t *describe(const struct incident *incident)
{
    static const char *const kinds[] = {"handshake_failed", "refused", "ended"};
    json_t *object = json_object();
    json_put_time(object, "at", (time_t)(incident->at_ms / 1000));
    json_put_text(object, "kind", kinds[incident->kind]);
    json_put_text(object, "reason", incident->reason);
    json_put_text(object, "listener", incident->listener);
    json_put_text(object, "source", incident->source);
    json_put_text(object, "client_id", incident->client_id[0] == '\0' ? NULL : incident->client_id);
    json_put_text(object, "explanation", incident->sentence);
    return object;
}

static json_t *incidents(const struct board *board)
{
    const struct board_sources *sources = &board->sources;
    json_t *list = json_array();
    size_t count = 0;
    struct incident *all = calloc((size_t)sources->workers * INCIDENTS_MOST, sizeof *all);
    if (all == NULL) return list;
    for (unsigned i = 0; i < sources->workers; i++)
        count += incidents_read(sources->incidents[i], all + count);
    qsort(all, count, sizeof *all, latest_first);
    for (size_t i = 0; i < count && i < INCIDENTS_SHOWN; i++)
        (void)json_array_append_new(list, describe(&all[i])); /* takes it in any case */
    free(all);
    return list;
}

/* ------------------------------------------------------------------------------------------- all
 */

char *status_view(struct board *board, size_t *length)
{
    struct reload_results reloads = reload_report_read(board->sources.reloads);
    const char *problem = readiness_problem(board);
    struct snapshot *snapshot = board_snapshot(board);
    json_t *view = json_object();
    json_put_text(view, "version", POSTERN_VERSION);
    json_put_number(view, "pid", (uint64_t)getpid());
    json_put_time(view, "now", time(NULL));
    json_put_time(view, "started", board->started_at);
    json_put_number(view, "uptime_seconds", (clock_monotonic_ms() - board->started_ms) / 1000);
    json_put_number(view, "workers", board->sources.workers);
    json_put_bool(view, "draining", atomic_load(board->sources.draining));
    json_put_bool(view, "ready", problem == NULL);
    json_put_text(view, "not_ready_because", problem);
    json_put_text(view, "config_file", snapshot->config->path);
    json_put_time(view, "config_loaded", board_loaded_at(board));
    json_put(view, "last_reload", last_reload(&reloads));
    json_put_number(view, "reloads_succeeded", reloads.succeeded);
    json_put_number(view, "reloads_failed", reloads.failed);
    json_put(view, "totals", totals(snapshot));
    json_put(view, "listeners", listeners(snapshot));
    json_put(view, "rules", rules(snapshot));
    json_put(view, "incidents", incidents(board));
    snapshot_unref(snapshot);
    return json_finish(view, length);
}
