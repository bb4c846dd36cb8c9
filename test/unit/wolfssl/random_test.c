// SPDX-License-Identifier: GPL-3.0-or-later
/* The pool of random bytes hands none out twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include <wolfssl/wolfcrypt/settings.h>

enum { BLOCK = 24, BLOCKS = 100, LARGE = 4096 };

static void gives_no_block_twice(void **state)
{
    (void)state;
    uint8_t blocks[BLOCKS][BLOCK]; /* over many fillings of the pool */
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(postern_random_block(blocks[i], BLOCK), 0);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(blocks[i], blocks[k], BLOCK);
    }
}

static void fills_what_is_larger_than_the_pool(void **state)
{
    (void)state;
    static const uint8_t zeros[BLOCK];
    uint8_t large[LARGE] = {0};
    assert_int_equal(postern_random_block(large, LARGE), 0);
    for (size_t at = 0; at + BLOCK <= LARGE; at += BLOCK)
        assert_memory_not_equal(large + at, zeros, BLOCK);
}

static void *take_one(void *out)
{
    return postern_random_block(out, BLOCK) == 0 ? out : NULL;
}

static void gives_threads_bytes_of_their_own(void **state)
{
    (void)state;
    uint8_t here[BLOCK];
    uint8_t there[BLOCK];
    pthread_t thread;
    void *done = NULL;
    assert_int_equal(pthread_create(&thread, NULL, take_one, there), 0);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_ptr_equal(done, there);
    assert_int_equal(postern_random_block(here, BLOCK), 0);
    assert_memory_not_equal(here, there, BLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_no_block_twice),
        cmocka_unit_test(fills_what_is_larger_than_the_pool),
        cmocka_unit_test(gives_threads_bytes_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
