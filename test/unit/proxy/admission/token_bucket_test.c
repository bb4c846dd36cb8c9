// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admission/token_bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attributes.h"

enum { START_US = 1000000000, SECOND_US = 1000000 };

/* How many are let in of those who ask every millisecond. */
static uint64_t let_in(struct token_bucket *bucket, uint64_t per_second, uint64_t from_us,
                       uint64_t for_us)
{
    uint64_t count = 0;
    for (uint64_t now_us = from_us; now_us < from_us + for_us; now_us += 1000)
        while (token_bucket_take(bucket, per_second, now_us) == 0)
            count++;
    return count;
}

static void lets_in_the_rate_and_a_tenth_of_it_at_once(void **state)
{
    static const uint64_t rates[] = {1, 2, 5, 19, 20, 30, 100, 1000, 50000};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
        struct token_bucket bucket = {0};
        uint64_t rate = rates[i];
        uint64_t at_once = rate < 20 ? 1 : rate / 10;
        assert_in_range(let_in(&bucket, rate, START_US, 1), at_once, at_once);
        assert_in_range(let_in(&bucket, rate, START_US + 1000, 10 * SECOND_US - 1000),
                        rate * 10 - at_once - 1, rate * 10 + 1);
        /* An hour of silence saves up no more than that. */
        assert_in_range(let_in(&bucket, rate, START_US + 3600ULL * SECOND_US, 1), at_once, at_once);
    }
}

static void says_when_the_next_one_is_due(void **state)
{
    struct token_bucket bucket = {0};
    (void)state;
    assert_int_equal(token_bucket_take(&bucket, 5, START_US), 0);
    assert_int_equal(token_bucket_take(&bucket, 5, START_US), 200);
    assert_int_equal(token_bucket_take(&bucket, 5, START_US + 150000), 50);
    assert_int_equal(token_bucket_take(&bucket, 5, START_US + 199999), 1);
    assert_int_equal(token_bucket_take(&bucket, 5, START_US + 200000), 0);
}

static void one_that_comes_back_is_there_again(void **state)
{
    struct token_bucket bucket = {0};
    (void)state;
    assert_int_equal(token_bucket_take(&bucket, 1, START_US), 0);
    token_bucket_return(&bucket, 1);
    assert_int_equal(token_bucket_take(&bucket, 1, START_US), 0);
    assert_int_equal(token_bucket_take(&bucket, 1, START_US), 1000);
    /* Long after, it is not there twice. */
    token_bucket_return(&bucket, 1);
    assert_int_equal(let_in(&bucket, 1, START_US + 60ULL * SECOND_US, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_in_the_rate_and_a_tenth_of_it_at_once),
        cmocka_unit_test(says_when_the_next_one_is_due),
        cmocka_unit_test(one_that_comes_back_is_there_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
