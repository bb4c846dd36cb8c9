// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/counters.h"

static void adds_the_workers_up(void **state)
{
    (void)state;
    struct tally *counters = tally_new(3);
    for (unsigned i = 0; i < 3; i++)
        counter_add(&counters->of_worker[i]->bytes_in, 10 + i);
    assert_int_equal(tally_sum(counters, offsetof(struct counters, bytes_in)), 33);
    assert_int_equal(tally_sum(counters, offsetof(struct counters, bytes_out)), 0);
    tally_free(counters);
}

static void puts_a_handshake_into_the_bucket_of_its_time(void **state)
{
    (void)state;
    static const struct {
        uint64_t took_ms;
        size_t bucket;
    } cases[] = {
        {0,     0 },
        {5,     0 },
        {6,     1 },
        {1000,  7 },
        {10000, 10},
        {10001, 11}
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct tally *counters = tally_new(1);
        struct counters *one = counters->of_worker[0];
        counters_handshake(one, true, false, cases[i].took_ms);
        assert_int_equal(counter_read(&one->handshake_buckets[cases[i].bucket]), 1);
        assert_int_equal(counter_read(&one->handshake_ms), cases[i].took_ms);
        assert_int_equal(counter_read(&one->tls_1_3_full), 1);
        assert_int_equal(counter_read(&one->tls_1_2_full), 0);
        tally_free(counters);
    }
}

struct told {
    char text[512];
};

static void tell(void *arg, const char *word, uint64_t count)
{
    struct told *told = arg;
    size_t used = strlen(told->text);
    (void)snprintf(told->text + used, sizeof told->text - used, "%s=%u ", word, (unsigned)count);
}

static void tells_each_word_of_all_workers_once(void **state)
{
    (void)state;
    struct told told = {""};
    char same[] = "expired"; /* another address */
    struct tally *counters = tally_new(2);
    counters_word(&counters->of_worker[0]->failures, "expired");
    counters_word(&counters->of_worker[0]->failures, same);
    counters_word(&counters->of_worker[0]->failures, "revoked");
    counters_word(&counters->of_worker[1]->failures, "not_tls");
    counters_word(&counters->of_worker[1]->failures, "revoked");
    tally_words(counters, offsetof(struct counters, failures), tell, &told);
    assert_string_equal(told.text, "expired=2 revoked=2 not_tls=1 ");
    tally_free(counters);
}

static void counts_words_that_do_not_fit_as_other(void **state)
{
    (void)state;
    static char words[200][8];
    struct told told = {""};
    struct tally *counters = tally_new(1);
    struct counter_words *ended = &counters->of_worker[0]->ended;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        (void)snprintf(words[i], sizeof words[i], "w%zu", i);
        counters_word(ended, words[i]);
    }
    assert_string_equal(ended->items[COUNTERS_WORDS - 1].word, "other");
    assert_int_equal(counter_read(&ended->items[COUNTERS_WORDS - 1].count),
                     ARRAY_LENGTH(words) - (COUNTERS_WORDS - 1));
    counters_word(ended, "w0");
    assert_int_equal(counter_read(&ended->items[0].count), 2);
    tally_words(counters, offsetof(struct counters, groups), tell, &told);
    assert_string_equal(told.text, "");
    tally_free(counters);
}

static void keeps_the_counts_of_rules_that_keep_their_name(void **state)
{
    (void)state;
    char a[] = "a";
    char b[] = "b";
    char c[] = "c";
    char name[] = "p";
    struct config_rule first[] = {{.name = a}, {.name = b}};
    struct config_rule second[] = {{.name = c}, {.name = b}, {.name = a}};
    const struct config_policy before = {.name = name, .rules = first, .rules_count = 2};
    const struct config_policy after = {.name = name, .rules = second, .rules_count = 3};
    struct policy_counters old;
    struct policy_counters new;
    assert_true(policy_counters_init(&old, &before, NULL, 2));
    policy_counters_note(&old, &first[0], 0, true);
    policy_counters_note(&old, &first[0], 1, true);
    policy_counters_note(&old, &first[1], 1, false);
    policy_counters_note(&old, NULL, 0, false);
    assert_true(policy_counters_init(&new, &after, &old, 2));
    policy_counters_note(&old, &first[0], 1, true); /* a worker that has not heard of it yet */
    policy_counters_clear(&old);
    assert_int_equal(policy_counters_admissions(&new, 0), 0);
    assert_int_equal(policy_counters_admissions(&new, 2), 3);
    assert_int_equal(policy_counters_refusals(&new, 1), 1);
    assert_int_equal(policy_counters_refusals(&new, 3), 1);
    policy_counters_clear(&new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_the_workers_up),
        cmocka_unit_test(puts_a_handshake_into_the_bucket_of_its_time),
        cmocka_unit_test(tells_each_word_of_all_workers_once),
        cmocka_unit_test(counts_words_that_do_not_fit_as_other),
        cmocka_unit_test(keeps_the_counts_of_rules_that_keep_their_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
