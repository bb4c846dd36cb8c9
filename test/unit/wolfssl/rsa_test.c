// SPDX-License-Identifier: GPL-3.0-or-later
/* The accelerated private operation of RSA-2048 gives what wolfSSL's own gives. Where the processor
 * has no AVX-512 it is wolfSSL's own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sp.h>

enum { BYTES = 256, INPUTS = 40, EDGES = 3 };

int postern_rsa_private_2048(const byte *in, word32 in_length, const mp_int *d, const mp_int *p,
                             const mp_int *q, const mp_int *dp, const mp_int *dq, const mp_int *qi,
                             const mp_int *n, byte *out, word32 *out_length);

static void make_key(RsaKey *key, WC_RNG *rng)
{
    assert_int_equal(wc_InitRsaKey(key, NULL), 0);
    assert_int_equal(wc_MakeRsaKey(key, BYTES * 8, 65537, rng), 0);
}

static void compare(RsaKey *key, const byte *in, word32 length)
{
    byte expected[BYTES];
    byte out[BYTES];
    word32 expected_length = BYTES;
    word32 out_length = BYTES;
    assert_int_equal(sp_RsaPrivate_2048(in, length, &key->d, &key->p, &key->q, &key->dP, &key->dQ,
                                        &key->u, &key->n, expected, &expected_length),
                     0);
    assert_int_equal(postern_rsa_private_2048(in, length, &key->d, &key->p, &key->q, &key->dP,
                                              &key->dQ, &key->u, &key->n, out, &out_length),
                     0);
    assert_int_equal(out_length, expected_length);
    assert_memory_equal(out, expected, expected_length);
}

static void gives_what_wolfssl_gives(void **state)
{
    (void)state;
    WC_RNG rng;
    RsaKey key;
    byte in[BYTES];
    assert_int_equal(wc_InitRng(&rng), 0);
    for (int keys = 0; keys < 3; keys++) {
        make_key(&key, &rng);
        for (int i = 0; i < INPUTS; i++) {
            assert_int_equal(wc_RNG_GenerateBlock(&rng, in, sizeof in), 0);
            in[0] &= 0x3f; /* below every modulus of this size */
            compare(&key, in, i % 4 == 0 ? (word32)(i + 1) : BYTES);
        }
        wc_FreeRsaKey(&key);
    }
    wc_FreeRng(&rng);
}

/* Zero, one, all ones, the primes themselves, and the modulus and its neighbours. */
static void takes_inputs_at_the_edges(void **state)
{
    (void)state;
    WC_RNG rng;
    RsaKey key;
    byte in[BYTES] = {0};
    assert_int_equal(wc_InitRng(&rng), 0);
    make_key(&key, &rng);
    compare(&key, in, BYTES);
    in[BYTES - 1] = 1;
    compare(&key, in, BYTES);
    memset(in, 0xff, sizeof in);
    compare(&key, in, BYTES);
    mp_int *const edges[EDGES] = {&key.p, &key.q, &key.n};
    for (size_t i = 0; i < EDGES; i++) {
        assert_int_equal(mp_to_unsigned_bin_len(edges[i], in, BYTES), MP_OKAY);
        compare(&key, in, BYTES);
        in[BYTES - 1]--; /* odd before */
        compare(&key, in, BYTES);
    }
    wc_FreeRsaKey(&key);
    wc_FreeRng(&rng);
}

static void signs_what_the_public_key_verifies(void **state)
{
    (void)state;
    WC_RNG rng;
    RsaKey key;
    byte digest[32] = {1, 2, 3};
    byte signature[BYTES];
    byte back[BYTES];
    assert_int_equal(wc_InitRng(&rng), 0);
    make_key(&key, &rng);
    assert_int_equal(wc_RsaSSL_Sign(digest, sizeof digest, signature, BYTES, &key, &rng), BYTES);
    assert_int_equal(wc_RsaSSL_Verify(signature, BYTES, back, BYTES, &key), sizeof digest);
    assert_memory_equal(back, digest, sizeof digest);
    wc_FreeRsaKey(&key);
    wc_FreeRng(&rng);
}

/* ------------------------------------------------------------------------------------ secrets */

enum {
    STACK_BYTES = 1024 * 1024,
    DIGIT_BITS = 52,
    R_BITS = 21 * DIGIT_BITS,
    PLACES = 12,
    SECRETS = 5
};

static void *operate(void *arg)
{
    RsaKey *key = arg;
    const byte in[BYTES] = {1, 2, 3};
    byte out[BYTES];
    word32 length = BYTES;
    int failed = postern_rsa_private_2048(in, BYTES, &key->d, &key->p, &key->q, &key->dP, &key->dQ,
                                          &key->u, &key->n, out, &length);
    return failed == 0 ? NULL : arg;
}

static uint64_t bits_at(const mp_int *number, unsigned at, unsigned count)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < count; i++)
        bits |= (uint64_t)mp_is_bit_set((mp_int *)(uintptr_t)number, at + i) << i;
    return bits;
}

static void expect_absent(const uint64_t *stack, const mp_int *secret)
{
    for (unsigned place = 1; place < PLACES; place++) {
        uint64_t digit = bits_at(secret, place * DIGIT_BITS, DIGIT_BITS);
        uint64_t word = bits_at(secret, place * 64, 64);
        for (size_t i = 0; i < STACK_BYTES / sizeof *stack; i++)
            assert_true(stack[i] != digit && stack[i] != word);
    }
}

/* Neither the primes and exponents, nor R^3 modulo a prime, which gives the prime away. */
static void leaves_no_secret_on_the_stack(void **state)
{
    (void)state;
    WC_RNG rng;
    RsaKey key;
    pthread_t thread;
    pthread_attr_t attributes;
    void *failed = NULL;
    uint64_t *stack = aligned_alloc(4096, STACK_BYTES);
    assert_non_null(stack);
    memset(stack, 0, STACK_BYTES);
    assert_int_equal(wc_InitRng(&rng), 0);
    make_key(&key, &rng);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, operate, &key), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    mp_int *const secrets[SECRETS] = {&key.p, &key.q, &key.dP, &key.dQ, &key.u};
    for (size_t i = 0; i < SECRETS; i++)
        expect_absent(stack, secrets[i]);
    for (size_t i = 0; i < 2; i++) {
        mp_int cube;
        assert_int_equal(mp_init(&cube), MP_OKAY);
        assert_int_equal(mp_2expt(&cube, 3 * R_BITS), MP_OKAY);
        assert_int_equal(mp_mod(&cube, secrets[i], &cube), MP_OKAY);
        expect_absent(stack, &cube);
    }
    (void)pthread_attr_destroy(&attributes);
    free(stack);
    wc_FreeRsaKey(&key);
    wc_FreeRng(&rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_wolfssl_gives),
        cmocka_unit_test(takes_inputs_at_the_edges),
        cmocka_unit_test(signs_what_the_public_key_verifies),
        cmocka_unit_test(leaves_no_secret_on_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
