// SPDX-License-Identifier: GPL-3.0-or-later
/* Record buffers are lent to one at a time, and nobody else's memory is touched by that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/types.h>

static void lends_the_same_memory_again(void **state)
{
    (void)state;
    void *first = postern_tls_malloc(100, DYNAMIC_TYPE_IN_BUFFER);
    postern_tls_free(first);
    void *second = postern_tls_malloc(16000, DYNAMIC_TYPE_IN_BUFFER);
    assert_ptr_equal(first, second);
    postern_tls_free(second);
}

static void lends_to_one_at_a_time(void **state)
{
    (void)state;
    void *first = postern_tls_malloc(100, DYNAMIC_TYPE_OUT_BUFFER);
    void *second = postern_tls_malloc(100, DYNAMIC_TYPE_OUT_BUFFER);
    void *in = postern_tls_malloc(100, DYNAMIC_TYPE_IN_BUFFER);
    assert_ptr_not_equal(first, second);
    assert_ptr_not_equal(first, in);
    memset(first, 1, 100);
    memset(second, 2, 100);
    memset(in, 3, 100);
    assert_int_equal(*(uint8_t *)first, 1);
    postern_tls_free(second);
    postern_tls_free(first);
    postern_tls_free(in);
}

static void takes_what_is_too_large_from_the_heap(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20 };
    uint8_t *large = postern_tls_malloc(LARGE, DYNAMIC_TYPE_IN_BUFFER);
    assert_non_null(large);
    large[LARGE - 1] = 1; /* a sanitizer sees it if it is not */
    postern_tls_free(large);
}

static void keeps_the_bytes_when_it_moves(void **state)
{
    (void)state;
    char *text = postern_tls_malloc(6, DYNAMIC_TYPE_IN_BUFFER);
    memcpy(text, "hello", 6);
    char *moved = postern_tls_realloc(text, 5000);
    assert_string_equal(moved, "hello");
    void *again = postern_tls_malloc(6, DYNAMIC_TYPE_IN_BUFFER);
    assert_ptr_equal(again, text);
    postern_tls_free(again);
    postern_tls_free(moved);
    postern_tls_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lends_the_same_memory_again),
        cmocka_unit_test(lends_to_one_at_a_time),
        cmocka_unit_test(takes_what_is_too_large_from_the_heap),
        cmocka_unit_test(keeps_the_bytes_when_it_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
