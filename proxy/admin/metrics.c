// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/counters.h"
#include "proxy/refusal.h"

struct row {
    const char *family;
    const char *labels;
    const char *help;
    size_t offset;
};

static const struct row rows[] = {
#define ROW(field, family, labels, help)                                                           \
    {"postern_" family, labels, help, offsetof(struct counters, field)},
    COUNTERS_OF_LISTENER(ROW)
#undef ROW
};

/* -------------------------------------------------------------------------------------- listeners
 */

static void put_rows(struct exposition *out, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows);) {
        size_t end = i;
        while (end < ARRAY_LENGTH(rows) && strcmp(rows[end].family, rows[i].family) == 0)
            end++;
        exposition_begin(out, rows[i].family, EXPOSITION_COUNTER, rows[i].help);
        for (size_t j = 0; j < snapshot->config->listeners_count; j++) {
            const struct snapshot_listener *listener = &snapshot->listeners[j];
            for (size_t row = i; row < end; row++)
                exposition_sample(out, "", EXPOSITION_LABELS({"listener", listener->config->name}),
                                  rows[row].labels,
                                  (double)tally_sum(listener->counters->tally, rows[row].offset));
        }
        i = end;
    }
}

static void put_connections(struct exposition *out, const struct snapshot *snapshot)
{
    exposition_begin(out, "postern_connections", EXPOSITION_GAUGE, "Connections now.");
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct snapshot_listener *listener = &snapshot->listeners[i];
        uint64_t now = atomic_load_explicit(&listener->counters->connections, memory_order_relaxed);
        exposition_value(out, EXPOSITION_LABELS({"listener", listener->config->name}), (double)now);
    }
}

static void put_blocked(struct exposition *out, const struct snapshot *snapshot)
{
    exposition_begin(out, "postern_blocked_sources", EXPOSITION_GAUGE,
                     "Sources that are not served now because they kept failing.");
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct snapshot_listener *listener = &snapshot->listeners[i];
        size_t blocked = listener->sources == NULL
                             ? 0
                             : sources_blocked(listener->sources, clock_monotonic_ms());
        exposition_value(out, EXPOSITION_LABELS({"listener", listener->config->name}),
                         (double)blocked);
    }
}

static void put_pauses(struct exposition *out, const struct snapshot *snapshot)
{
    static const char *const reasons[PAUSES_COUNT] = {
        [PAUSE_RATE] = "rate",
        [PAUSE_HANDSHAKES] = "handshakes",
        [PAUSE_DESCRIPTORS] = "descriptors",
        [PAUSE_MEMORY] = "memory",
    };
    exposition_begin(out, "postern_accept_pauses_total", EXPOSITION_COUNTER,
                     "How often connections were left in the kernel's queue for a moment.");
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        struct listener_counters *counters = snapshot->listeners[i].counters;
        for (size_t pause = 0; pause < PAUSES_COUNT; pause++)
            exposition_value(
                out,
                EXPOSITION_LABELS({"listener", snapshot->listeners[i].config->name},
                                  {"reason", reasons[pause]}),
                (double)atomic_load_explicit(&counters->pauses[pause], memory_order_relaxed));
    }
}

static void put_refusals(struct exposition *out, const struct snapshot *snapshot)
{
    exposition_begin(out, "postern_refusals_total", EXPOSITION_COUNTER,
                     "Clients that were refused after their CONNECT, by reason.");
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct snapshot_listener *listener = &snapshot->listeners[i];
        for (enum refusal refusal = REFUSAL_NONE + 1; refusal < REFUSAL_COUNT; refusal++) {
            size_t offset = offsetof(struct counters, refusals) + refusal * sizeof(struct counter);
            exposition_value(out,
                             EXPOSITION_LABELS({"listener", listener->config->name},
                                               {"reason", refusal_word(refusal)}),
                             (double)tally_sum(listener->counters->tally, offset));
        }
    }
}

/* Of which words are there. */
struct words {
    struct exposition *out;
    const char *listener;
    const char *label;
};

static void put_word(void *arg, const char *word, uint64_t count)
{
    const struct words *words = arg;
    exposition_value(words->out,
                     EXPOSITION_LABELS({"listener", words->listener}, {words->label, word}),
                     (double)count);
}

static void put_words(struct exposition *out, const struct snapshot *snapshot, const char *family,
                      const char *label, size_t offset, const char *help)
{
    exposition_begin(out, family, EXPOSITION_COUNTER, help);
    for (size_t i = 0; i < snapshot->config->listeners_count; i++) {
        const struct snapshot_listener *listener = &snapshot->listeners[i];
        struct words words = {out, listener->config->name, label};
        tally_words(listener->counters->tally, offset, put_word, &words);
    }
}

static uint64_t sum_of_all(const struct snapshot *snapshot, size_t offset)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        sum += tally_sum(snapshot->listeners[i].counters->tally, offset);
    return sum;
}

static void put_histogram(struct exposition *out, const struct snapshot *snapshot)
{
    static const unsigned bounds_ms[] = COUNTERS_HANDSHAKE_BOUNDS_MS;
    char bound[32];
    uint64_t sum = 0;
    exposition_begin(out, "postern_handshake_seconds", EXPOSITION_HISTOGRAM,
                     "Time from accepting a connection to the end of its TLS handshake.");
    for (size_t i = 0; i < COUNTERS_HANDSHAKE_BUCKETS; i++) {
        sum += sum_of_all(snapshot, offsetof(struct counters, handshake_buckets) +
                                        i * sizeof(struct counter));
        if (i < ARRAY_LENGTH(bounds_ms))
            (void)snprintf(bound, sizeof bound, "%g", (double)bounds_ms[i] / 1000);
        else
            (void)snprintf(bound, sizeof bound, "+Inf");
        exposition_sample(out, "_bucket", EXPOSITION_LABELS({"le", bound}), "", (double)sum);
    }
    uint64_t took_ms = sum_of_all(snapshot, offsetof(struct counters, handshake_ms));
    exposition_sample(out, "_sum", NULL, "", (double)took_ms / 1000);
    exposition_sample(out, "_count", NULL, "", (double)sum);
}

static void put_listeners(struct exposition *out, const struct snapshot *snapshot)
{
    put_connections(out, snapshot);
    put_rows(out, snapshot);
    put_blocked(out, snapshot);
    put_pauses(out, snapshot);
    put_histogram(out, snapshot);
    put_words(out, snapshot, "postern_handshake_failures_total", "reason",
              offsetof(struct counters, failures),
              "TLS handshakes that failed, by reason; those of alert_... were refused by the "
              "client.");
    put_words(out, snapshot, "postern_handshake_groups_total", "group",
              offsetof(struct counters, groups), "TLS handshakes finished, by key exchange group.");
    put_words(out, snapshot, "postern_handshake_ciphers_total", "cipher",
              offsetof(struct counters, ciphers), "TLS handshakes finished, by cipher suite.");
    put_refusals(out, snapshot);
    put_words(out, snapshot, "postern_sessions_ended_total", "reason",
              offsetof(struct counters, ended), "Connections that have ended, by reason.");
}

/* ------------------------------------------------------------------------------ rules and backends
 */

static void put_rules(struct exposition *out, const struct snapshot *snapshot, const char *family,
                      uint64_t (*sum)(const struct policy_counters *counters, size_t index),
                      const char *help)
{
    exposition_begin(out, family, EXPOSITION_COUNTER, help);
    for (size_t i = 0; i < snapshot->config->policies_count; i++) {
        const struct config_policy *policy = &snapshot->config->policies[i];
        for (size_t j = 0; j <= policy->rules_count; j++) {
            const char *rule = j < policy->rules_count ? policy->rules[j].name : "(otherwise)";
            exposition_value(out, EXPOSITION_LABELS({"policy", policy->name}, {"rule", rule}),
                             (double)sum(&snapshot->rule_counters[i], j));
        }
    }
}

/* Whether an earlier server of the backend has the same address: two samples of one name would be
 * none. */
static bool is_twice(const struct pool *pool, size_t server)
{
    for (size_t i = 0; i < server; i++)
        if (strcmp(pool_server_name(pool, (int)i), pool_server_name(pool, (int)server)) == 0)
            return true;
    return false;
}

static double up(const struct pool_view *view)
{
    return view->up;
}

static double connections(const struct pool_view *view)
{
    return view->connections;
}

static void put_servers(struct exposition *out, const struct snapshot *snapshot, const char *family,
                        double (*value)(const struct pool_view *view), const char *help)
{
    exposition_begin(out, family, EXPOSITION_GAUGE, help);
    for (size_t i = 0; i < snapshot->config->backends_count; i++) {
        const struct pool *pool = &snapshot->pools[i];
        for (size_t j = 0; j < pool->count; j++) {
            struct pool_view view;
            if (is_twice(pool, j)) continue;
            pool_look(pool, j, &view);
            exposition_value(
                out, EXPOSITION_LABELS({"backend", pool->config->name}, {"server", view.name}),
                value(&view));
        }
    }
}

static void put_queues(struct exposition *out, const struct snapshot *snapshot)
{
    exposition_begin(out, "postern_backend_waiting", EXPOSITION_GAUGE,
                     "Clients that wait for a server with room.");
    for (size_t i = 0; i < snapshot->config->backends_count; i++)
        exposition_value(out, EXPOSITION_LABELS({"backend", snapshot->pools[i].config->name}),
                         pool_waiting(&snapshot->pools[i]));
}

char *metrics_text(struct board *board, size_t *length)
{
    char *text = NULL;
    struct exposition out = {.out = open_memstream(&text, length)};
    if (out.out == NULL) return NULL;
    struct snapshot *snapshot = board_snapshot(board);
    put_listeners(&out, snapshot);
    put_rules(&out, snapshot, "postern_rule_admissions_total", policy_counters_admissions,
              "Clients that a rule has admitted.");
    put_rules(&out, snapshot, "postern_rule_refusals_total", policy_counters_refusals,
              "Clients that a rule has refused.");
    put_servers(&out, snapshot, "postern_backend_up", up,
                "Whether a server of a backend answers, as far as is known.");
    put_servers(&out, snapshot, "postern_backend_connections", connections,
                "Connections to a server of a backend now.");
    put_queues(&out, snapshot);
    metrics_files(&out, snapshot);
    metrics_process(&out, board);
    snapshot_unref(snapshot);
    bool failed = ferror(out.out) != 0;
    failed = fclose(out.out) != 0 || failed;
    if (!failed) return text;
    free(text);
    return NULL;
}
