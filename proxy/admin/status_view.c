// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_put.h"
#include "proxy/admin/readiness.h"
#include "proxy/admin/totals.h"
#include "proxy/admin/views.h"
#include "proxy/counters.h"

enum { INCIDENTS_SHOWN = 50 };

#define OFFSET(field) offsetof(struct counters, field)

/* ---------------------------------------------------------------------------------------- totals
 */

static json_t *versions(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    json_put_number(object, "1.2",
                    totals_sum(snapshot, OFFSET(tls_1_2_full)) +
                        totals_sum(snapshot, OFFSET(tls_1_2_resumed)));
    json_put_number(object, "1.3",
                    totals_sum(snapshot, OFFSET(tls_1_3_full)) +
                        totals_sum(snapshot, OFFSET(tls_1_3_resumed)));
    return object;
}

static json_t *mqtt(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    json_put_number(object, "3.1", totals_sum(snapshot, OFFSET(mqtt_3_1)));
    json_put_number(object, "3.1.1", totals_sum(snapshot, OFFSET(mqtt_3_1_1)));
    json_put_number(object, "5", totals_sum(snapshot, OFFSET(mqtt_5)));
    return object;
}

static json_t *totals(const struct snapshot *snapshot)
{
    json_t *object = json_object();
    struct totals_reasons reasons;
    struct totals all;
    totals_reasons_read(snapshot, &reasons);
    totals_read(snapshot, &reasons, &all);
    json_put_number(object, "connections", all.connections);
    json_put_number(object, "connections_total", all.connections_total);
    json_put_number(object, "handshakes", all.handshakes);
    json_put_number(object, "handshakes_resumed", all.handshakes_resumed);
    json_put_number(object, "handshake_failures", all.handshake_failures);
    json_put_number(object, "admissions", all.admissions);
    json_put_number(object, "refusals", all.refusals);
    json_put_number(object, "sessions_ended", all.sessions_ended);
    json_put_number(object, "bytes_in", all.bytes_in);
    json_put_number(object, "bytes_out", all.bytes_out);
    json_put(object, "tls_versions", versions(snapshot));
    json_put(object, "groups", totals_words(snapshot, OFFSET(groups)));
    json_put(object, "ciphers", totals_words(snapshot, OFFSET(ciphers)));
    json_put(object, "mqtt_versions", mqtt(snapshot));
    json_put(object, "refusals_by_reason", json_incref(reasons.refusals));
    json_put(object, "handshake_failures_by_reason", json_incref(reasons.handshake_failures));
    json_put(object, "sessions_ended_by_reason", json_incref(reasons.sessions_ended));
    totals_reasons_clear(&reasons);
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
        json_put_number(
            object, "connections",
            atomic_load_explicit(&listener->counters->connections, memory_order_relaxed));
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
    char host[HOST_NAME_MAX + 1] = "";
    (void)gethostname(host, sizeof host); /* cannot fail with that much room */
    struct reload_results reloads = reload_report_read(board->sources.reloads);
    const char *problem = readiness_problem(board);
    struct snapshot *snapshot = board_snapshot(board);
    json_t *view = json_object();
    json_put_text(view, "version", POSTERN_VERSION);
    json_put_text(view, "host", host);
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
