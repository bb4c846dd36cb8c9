// SPDX-License-Identifier: GPL-3.0-or-later
/* What is counted: a copy for each worker, which alone writes it, so that counting takes no lock
 * and no locked instruction; whoever asks adds the copies up. Counts live as long as what they
 * count keeps its name, over any number of reloads. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "config/config.h"
#include "proxy/policy/policy.h"

/* Written by one thread, read by any. */
struct counter {
    atomic_uint_fast64_t value;
};

static inline void counter_add(struct counter *counter, uint64_t amount)
{
    uint64_t before = atomic_load_explicit(&counter->value, memory_order_relaxed);
    atomic_store_explicit(&counter->value, before + amount, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* Counts by a word that is known only when it occurs; words are static texts, and few. */
struct counter_word {
    _Atomic(const char *) word; /* NULL: free, and so are all behind it */
    struct counter count;
};

enum { COUNTERS_WORDS = 96 };

struct counter_words {
    struct counter_word items[COUNTERS_WORDS]; /* what does not fit is counted as "other" */
};

/* field, family without `postern_`, its labels beside `listener`, meaning. Rows of one family stand
 * together. */
#define COUNTERS_OF_LISTENER(X)                                                                    \
    X(connections, "connections_total", "", "Connections accepted.")                               \
    X(turned_away_limit, "turned_away_total", "reason=\"too_many_connections\"",                   \
      "Connections closed as they came, without a byte of TLS, by reason.")                        \
    X(turned_away_source, "turned_away_total", "reason=\"too_many_connections_of_source\"", "")    \
    X(turned_away_blocked, "turned_away_total", "reason=\"blocked\"", "")                          \
    X(blocks, "source_blocks_total", "", "Blocks of sources that kept failing.")                   \
    X(tls_1_2_full, "handshakes_total", "version=\"1.2\",resumed=\"false\"",                       \
      "TLS handshakes finished.")                                                                  \
    X(tls_1_2_resumed, "handshakes_total", "version=\"1.2\",resumed=\"true\"", "")                 \
    X(tls_1_3_full, "handshakes_total", "version=\"1.3\",resumed=\"false\"", "")                   \
    X(tls_1_3_resumed, "handshakes_total", "version=\"1.3\",resumed=\"true\"", "")                 \
    X(mqtt_3_1, "mqtt_connects_total", "version=\"3.1\"",                                          \
      "MQTT CONNECTs read, by protocol version.")                                                  \
    X(mqtt_3_1_1, "mqtt_connects_total", "version=\"3.1.1\"", "")                                  \
    X(mqtt_5, "mqtt_connects_total", "version=\"5\"", "")                                          \
    X(admissions, "admissions_total", "", "Clients that a broker has answered to.")                \
    X(bytes_in, "bytes_total", "direction=\"in\"",                                                 \
      "Bytes of MQTT relayed: in from clients, out to clients.")                                   \
    X(bytes_out, "bytes_total", "direction=\"out\"", "")

/* Upper bounds of the histogram of handshakes, in milliseconds from accepting to the last message
 * of the handshake; the last bucket has none. */
#define COUNTERS_HANDSHAKE_BOUNDS_MS                                                               \
    {                                                                                              \
        5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000                                      \
    }
enum { COUNTERS_HANDSHAKE_BUCKETS = 12 };

/* Of one listener, by one worker. */
struct counters {
#define COUNTERS_FIELD(field, family, labels, help) struct counter field;
    COUNTERS_OF_LISTENER(COUNTERS_FIELD)
#undef COUNTERS_FIELD
    struct counter handshake_buckets[COUNTERS_HANDSHAKE_BUCKETS];
    struct counter handshake_ms;
    struct counter refusals[REFUSAL_COUNT];
    struct counter_words failures; /* of handshakes, by reason */
    struct counter_words ended;    /* sessions, by reason */
    struct counter_words groups;
    struct counter_words ciphers;
};

/* One more of `word`, a static text. */
void counters_word(struct counter_words *words, const char *word);
void counters_handshake(struct counters *counters, bool is_tls_1_3, bool resumed, uint64_t took_ms);
void counters_connect(struct counters *counters, unsigned mqtt_version);

/* Of one listener, by all workers. */
struct tally {
    unsigned workers;
    struct counters *of_worker[];
};

/* Gives a tally at zero (tally_free), or NULL: out of memory. */
struct tally *tally_new(unsigned workers);
/* NULL is fine. */
void tally_free(struct tally *tally);
/* Counts of all workers together; `offset` is that of a struct counter in struct counters. */
uint64_t tally_sum(const struct tally *tally, size_t offset);
/* Calls `each` for every word that has been counted at `offset`, that of a struct counter_words,
 * once a word. */
void tally_words(const struct tally *tally, size_t offset,
                 void (*each)(void *arg, const char *word, uint64_t count), void *arg);

/* How a rule has decided. */
struct rule_count {
    struct counter admissions;
    struct counter refusals;
};

/* One for each worker; shared by the generations that have a rule of that name in a policy of that
 * name. */
struct rule_counters {
    atomic_uint references;
    unsigned workers;
    struct rule_count of_worker[];
};

/* Those of a policy: one a rule in its order, then one for `otherwise`. */
struct policy_counters {
    const struct config_policy *config; /* borrowed */
    struct rule_counters **rules;
};

/* What `before` (NULL: none) has for a rule's name is taken over. policy_counters_clear is due in
 * any case. False: out of memory. */
MUST_USE bool policy_counters_init(struct policy_counters *counters,
                                   const struct config_policy *config,
                                   const struct policy_counters *before, unsigned workers);
void policy_counters_clear(struct policy_counters *counters);
/* `rule` is one of the policy's, or NULL: `otherwise`. */
void policy_counters_note(const struct policy_counters *counters, const struct config_rule *rule,
                          unsigned worker, bool admitted);
/* The sums over all workers of the rule at `index`. */
uint64_t policy_counters_admissions(const struct policy_counters *counters, size_t index);
uint64_t policy_counters_refusals(const struct policy_counters *counters, size_t index);
