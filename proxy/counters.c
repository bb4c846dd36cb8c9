// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/counters.h"

#include <string.h>

#include "mqtt/packet.h"

enum { CACHE_LINE = 64 };

/* --------------------------------------------------------------------------------------- counting
 */

/* Only the worker that owns the words adds one, so that a word is never there twice. */
static struct counter_word *slot_of(struct counter_words *words, const char *word)
{
    for (size_t i = 0; i < COUNTERS_WORDS - 1; i++) {
        struct counter_word *item = &words->items[i];
        const char *there = atomic_load_explicit(&item->word, memory_order_relaxed);
        if (there == NULL) atomic_store_explicit(&item->word, word, memory_order_release);
        if (there == NULL || there == word || strcmp(there, word) == 0) return item;
    }
    atomic_store_explicit(&words->items[COUNTERS_WORDS - 1].word, "other", memory_order_release);
    return &words->items[COUNTERS_WORDS - 1];
}

void counters_word(struct counter_words *words, const char *word)
{
    counter_add(&slot_of(words, word == NULL ? "other" : word)->count, 1);
}

void counters_handshake(struct counters *counters, bool is_tls_1_3, bool resumed, uint64_t took_ms)
{
    static const uint64_t bounds[] = COUNTERS_HANDSHAKE_BOUNDS_MS;
    static_assert(ARRAY_LENGTH(bounds) == COUNTERS_HANDSHAKE_BUCKETS - 1, "one bucket more");
    size_t bucket = 0;
    if (is_tls_1_3)
        counter_add(resumed ? &counters->tls_1_3_resumed : &counters->tls_1_3_full, 1);
    else
        counter_add(resumed ? &counters->tls_1_2_resumed : &counters->tls_1_2_full, 1);
    while (bucket < ARRAY_LENGTH(bounds) && took_ms > bounds[bucket])
        bucket++;
    counter_add(&counters->handshake_buckets[bucket], 1);
    counter_add(&counters->handshake_ms, took_ms);
}

void counters_connect(struct counters *counters, unsigned mqtt_version)
{
    if (mqtt_version == MQTT_5)
        counter_add(&counters->mqtt_5, 1);
    else if (mqtt_version == MQTT_3_1_1)
        counter_add(&counters->mqtt_3_1_1, 1);
    else if (mqtt_version == MQTT_3_1)
        counter_add(&counters->mqtt_3_1, 1);
}

/* -------------------------------------------------------------------------------------- listeners
 */

struct tally *tally_new(unsigned workers)
{
    /* Two workers never write to the same cache line. */
    size_t size = (sizeof(struct counters) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct tally *tally = calloc(1, sizeof *tally + workers * sizeof(struct counters *));
    if (tally == NULL) return NULL;
    tally->workers = workers;
    for (unsigned i = 0; i < workers; i++) {
        tally->of_worker[i] = aligned_alloc(CACHE_LINE, size);
        if (tally->of_worker[i] == NULL) {
            tally_free(tally);
            return NULL;
        }
        memset(tally->of_worker[i], 0, size);
    }
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL) return;
    for (unsigned i = 0; i < tally->workers; i++)
        free(tally->of_worker[i]);
    free(tally);
}

static const void *at(const struct counters *counters, size_t offset)
{
    return (const char *)counters + offset;
}

uint64_t tally_sum(const struct tally *tally, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < tally->workers; i++)
        sum += counter_read(at(tally->of_worker[i], offset));
    return sum;
}

static uint64_t count_of(const struct counter_words *words, const char *word)
{
    uint64_t count = 0;
    for (size_t i = 0; i < COUNTERS_WORDS; i++) {
        const struct counter_word *item = &words->items[i];
        const char *there = atomic_load_explicit(&item->word, memory_order_acquire);
        if (there != NULL && strcmp(there, word) == 0) count += counter_read(&item->count);
    }
    return count;
}

/* Whether an earlier worker, or an earlier place of this one, has the word. */
static bool is_told(const struct tally *tally, size_t offset, unsigned worker, size_t place,
                    const char *word)
{
    for (unsigned i = 0; i <= worker; i++) {
        const struct counter_words *words = at(tally->of_worker[i], offset);
        for (size_t j = 0; j < (i == worker ? place : COUNTERS_WORDS); j++) {
            const char *there = atomic_load_explicit(&words->items[j].word, memory_order_acquire);
            if (there != NULL && strcmp(there, word) == 0) return true;
        }
    }
    return false;
}

void tally_words(const struct tally *tally, size_t offset,
                 void (*each)(void *arg, const char *word, uint64_t count), void *arg)
{
    for (unsigned worker = 0; worker < tally->workers; worker++) {
        const struct counter_words *words = at(tally->of_worker[worker], offset);
        for (size_t i = 0; i < COUNTERS_WORDS; i++) {
            uint64_t count = 0;
            const char *word = atomic_load_explicit(&words->items[i].word, memory_order_acquire);
            if (word == NULL || is_told(tally, offset, worker, i, word)) continue;
            for (unsigned j = worker; j < tally->workers; j++)
                count += count_of(at(tally->of_worker[j], offset), word);
            each(arg, word, count);
        }
    }
}

/* ------------------------------------------------------------------------------------------ rules
 */

static void unref_rule(struct rule_counters *counters)
{
    if (counters == NULL) return;
    if (atomic_fetch_sub_explicit(&counters->references, 1, memory_order_acq_rel) == 1)
        free(counters);
}

/* A list is rarely put in another order, so that its own place is looked at first. */
static struct rule_counters *find_rule(const struct policy_counters *before, const char *name,
                                       size_t place)
{
    if (before == NULL) return NULL;
    const struct config_policy *config = before->config;
    if (place < config->rules_count && strcmp(config->rules[place].name, name) == 0)
        return before->rules[place];
    for (size_t i = 0; i < config->rules_count; i++)
        if (strcmp(config->rules[i].name, name) == 0) return before->rules[i];
    return NULL;
}

static struct rule_counters *take_over(struct rule_counters *before, unsigned workers)
{
    if (before != NULL) {
        (void)atomic_fetch_add_explicit(&before->references, 1, memory_order_relaxed);
        return before;
    }
    struct rule_counters *counters = calloc(1, sizeof *counters +
                                                   workers * sizeof counters->of_worker[0]);
    if (counters == NULL) return NULL;
    atomic_init(&counters->references, 1);
    counters->workers = workers;
    return counters;
}

bool policy_counters_init(struct policy_counters *counters, const struct config_policy *config,
                          const struct policy_counters *before, unsigned workers)
{
    counters->config = config;
    counters->rules = calloc(config->rules_count + 1, sizeof(struct rule_counters *));
    if (counters->rules == NULL) return false;
    for (size_t i = 0; i <= config->rules_count; i++) {
        struct rule_counters *known = NULL;
        if (i < config->rules_count)
            known = find_rule(before, config->rules[i].name, i);
        else if (before != NULL)
            known = before->rules[before->config->rules_count];
        counters->rules[i] = take_over(known, workers);
        if (counters->rules[i] == NULL) return false;
    }
    return true;
}

void policy_counters_clear(struct policy_counters *counters)
{
    for (size_t i = 0; counters->rules != NULL && i <= counters->config->rules_count; i++)
        unref_rule(counters->rules[i]);
    free(counters->rules);
    counters->rules = NULL;
}

void policy_counters_note(const struct policy_counters *counters, const struct config_rule *rule,
                          unsigned worker, bool admitted)
{
    const struct config_policy *config = counters->config;
    size_t index = rule == NULL ? config->rules_count : (size_t)(rule - config->rules);
    struct rule_count *count = &counters->rules[index]->of_worker[worker];
    counter_add(admitted ? &count->admissions : &count->refusals, 1);
}

uint64_t policy_counters_admissions(const struct policy_counters *counters, size_t index)
{
    const struct rule_counters *rule = counters->rules[index];
    uint64_t sum = 0;
    for (unsigned i = 0; i < rule->workers; i++)
        sum += counter_read(&rule->of_worker[i].admissions);
    return sum;
}

uint64_t policy_counters_refusals(const struct policy_counters *counters, size_t index)
{
    const struct rule_counters *rule = counters->rules[index];
    uint64_t sum = 0;
    for (unsigned i = 0; i < rule->workers; i++)
        sum += counter_read(&rule->of_worker[i].refusals);
    return sum;
}
