// SPDX-License-Identifier: GPL-3.0-or-later
/* Division modulo a prime gives what multiplies back to the numerator, and the inverses that ECDSA
 * is given are those of wolfSSL's own arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmake/wolfssl/division.h"

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/fe_operations.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sp_int.h>

enum { WORDS = DIVISION_WORDS, BYTES = 8 * WORDS, INPUTS = 3000, HEXADECIMAL = 16, BITS = 256 };

#ifdef __x86_64__
void postern_fe_invert(fe out, const fe in);
void postern_p256_inv(sp_digit *out, const sp_digit *in, sp_digit *room);
void postern_p256_inv_order(sp_digit *out, const sp_digit *in, sp_digit *room);
#endif

static const char *const PRIMES[] = {
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", /* P-256, its field */
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", /* P-256, its order */
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed", /* 2^255 - 19 */
};

static void to_mp(mp_int *out, const uint64_t words[WORDS])
{
    byte bytes[BYTES];
    for (size_t i = 0; i < BYTES; i++)
        bytes[BYTES - 1 - i] = (byte)(words[i / 8] >> (i % 8 * 8));
    assert_int_equal(0, mp_init(out));
    assert_int_equal(0, mp_read_unsigned_bin(out, bytes, BYTES));
}

static void to_words(uint64_t out[WORDS], mp_int *in)
{
    byte bytes[BYTES];
    assert_int_equal(0, mp_to_unsigned_bin_len(in, bytes, BYTES));
    memset(out, 0, BYTES);
    for (size_t i = 0; i < BYTES; i++)
        out[i / 8] |= (uint64_t)bytes[BYTES - 1 - i] << (i % 8 * 8);
}

static struct division_modulus modulus_of(mp_int *prime)
{
    struct division_modulus modulus = {.inverse = 1};
    uint64_t words[WORDS + 1] = {0};
    to_words(words, prime);
    const uint64_t mask = (UINT64_C(1) << DIVISION_LIMB_BITS) - 1;
    for (size_t i = 0; i < DIVISION_LIMBS; i++) {
        size_t bit = i * DIVISION_LIMB_BITS;
        unsigned __int128 both = words[bit / 64] | (unsigned __int128)words[bit / 64 + 1] << 64;
        modulus.limbs[i] = (int64_t)((uint64_t)(both >> (bit % 64)) & mask);
    }
    for (int i = 0; i < 6; i++) /* Newton: each time twice as many bits are right */
        modulus.inverse *= 2 - words[0] * modulus.inverse;
    modulus.inverse &= mask;
    return modulus;
}

static void random_words(uint64_t out[WORDS])
{
    static WC_RNG rng;
    assert_int_equal(0, wc_InitRng(&rng));
    assert_int_equal(0, wc_RNG_GenerateBlock(&rng, (byte *)out, BYTES));
    wc_FreeRng(&rng);
}

static void expect_quotient(mp_int *prime, const uint64_t numerator[WORDS],
                            const uint64_t denominator[WORDS])
{
    mp_int n;
    mp_int d;
    mp_int back;
    uint64_t quotient[WORDS];
    struct division_modulus modulus = modulus_of(prime);
    postern_divide(quotient, numerator, denominator, &modulus);
    to_mp(&n, numerator);
    to_mp(&d, denominator);
    to_mp(&back, quotient);
    assert_int_equal(MP_LT, mp_cmp(&back, prime));
    assert_int_equal(0, mp_mod(&d, prime, &d));
    if (mp_iszero(&d)) {
        assert_true(mp_iszero(&back));
        return;
    }
    assert_int_equal(0, mp_mulmod(&back, &d, prime, &back));
    assert_int_equal(MP_EQ, mp_cmp(&back, &n));
}

/* Random numbers, and such of a few long runs of the same bit, which carry far. */
static void divides(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof PRIMES / sizeof PRIMES[0]; p++) {
        mp_int prime;
        mp_int reduced;
        assert_int_equal(0, mp_init(&prime));
        assert_int_equal(0, mp_read_radix(&prime, PRIMES[p], HEXADECIMAL));
        for (int i = 0; i < INPUTS; i++) {
            uint64_t numbers[2][WORDS];
            for (size_t k = 0; k < 2; k++) {
                random_words(numbers[k]);
                for (size_t w = 0; i % 3 == 0 && w < WORDS; w++)
                    numbers[k][w] = (0 - (numbers[k][w] & 1)) << (numbers[k][w] >> 58);
                to_mp(&reduced, numbers[k]);
                assert_int_equal(0, mp_mod(&reduced, &prime, &reduced));
                to_words(numbers[k], &reduced);
            }
            expect_quotient(&prime, numbers[0], numbers[1]);
        }
    }
}

/* `near` and what is up to two away, as far as it is below twice the prime. */
static void expect_inverses_near(mp_int *prime, mp_int *near)
{
    const uint64_t one[WORDS] = {1};
    mp_int denominator;
    mp_int half;
    uint64_t words[WORDS];
    for (unsigned off = 0; off <= 4; off++) {
        assert_int_equal(0, mp_init(&denominator));
        assert_int_equal(0, mp_init(&half));
        assert_int_equal(0, mp_add_d(near, 2, &denominator));
        assert_int_equal(0, mp_sub_d(&denominator, off, &denominator));
        assert_int_equal(0, mp_div_2(&denominator, &half));
        if (mp_cmp(&half, prime) != MP_LT) continue;
        to_words(words, &denominator);
        expect_quotient(prime, one, words);
    }
}

static void divides_by_powers_of_two_and_by_what_is_near_to_a_prime(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof PRIMES / sizeof PRIMES[0]; p++) {
        mp_int prime;
        mp_int edge;
        const uint64_t nothing[WORDS] = {0};
        const uint64_t one[WORDS] = {1};
        assert_int_equal(0, mp_init(&prime));
        assert_int_equal(0, mp_init(&edge));
        assert_int_equal(0, mp_read_radix(&prime, PRIMES[p], HEXADECIMAL));
        for (int bit = 1; bit < BITS; bit++) {
            assert_int_equal(0, mp_2expt(&edge, bit));
            expect_inverses_near(&prime, &edge);
        }
        expect_inverses_near(&prime, &prime);
        expect_quotient(&prime, one, nothing);
        expect_quotient(&prime, nothing, one);
    }
}

static void writes_over_what_it_is_given(void **state)
{
    (void)state;
    mp_int prime;
    assert_int_equal(0, mp_init(&prime));
    assert_int_equal(0, mp_read_radix(&prime, PRIMES[0], HEXADECIMAL));
    struct division_modulus modulus = modulus_of(&prime);
    const uint64_t one[WORDS] = {1};
    const uint64_t three[WORDS] = {3};
    uint64_t apart[WORDS];
    uint64_t in_place[WORDS] = {3};
    postern_divide(apart, one, three, &modulus);
    postern_divide(in_place, one, in_place, &modulus);
    assert_memory_equal(apart, in_place, sizeof apart);
    memcpy(in_place, one, sizeof in_place);
    postern_divide(in_place, in_place, three, &modulus);
    assert_memory_equal(apart, in_place, sizeof apart);
}

#ifdef __x86_64__
/* In Montgomery's form a is a * 2^256. */
static void expect_inverse(const char *text, const uint64_t a[WORDS],
                           void (*invert)(sp_digit *, const sp_digit *, sp_digit *))
{
    mp_int prime;
    mp_int power;
    mp_int number;
    sp_digit in[WORDS];
    sp_digit out[WORDS];
    uint64_t words[WORDS];
    assert_int_equal(0, mp_init(&prime));
    assert_int_equal(0, mp_read_radix(&prime, text, HEXADECIMAL));
    assert_int_equal(0, mp_init(&power));
    assert_int_equal(0, mp_2expt(&power, BITS));
    to_mp(&number, a);
    assert_int_equal(0, mp_mulmod(&number, &power, &prime, &number));
    to_words(words, &number);
    for (size_t i = 0; i < WORDS; i++)
        in[i] = words[i];
    invert(out, in, NULL);
    for (size_t i = 0; i < WORDS; i++)
        words[i] = out[i];
    to_mp(&number, a);
    assert_int_equal(0, mp_mod(&number, &prime, &number));
    assert_int_equal(0, mp_invmod(&number, &prime, &number));
    assert_int_equal(0, mp_mulmod(&number, &power, &prime, &number));
    to_mp(&power, words);
    assert_int_equal(MP_EQ, mp_cmp(&number, &power));
}

static void inverts_for_ecdsa(void **state)
{
    (void)state;
    for (int i = 0; i < INPUTS; i++) {
        uint64_t a[WORDS];
        random_words(a);
        expect_inverse(PRIMES[0], a, postern_p256_inv);
        expect_inverse(PRIMES[1], a, postern_p256_inv_order);
    }
}

static void expect_fe_inverse(const fe in)
{
    const uint64_t one[WORDS] = {1};
    mp_int prime;
    mp_int number;
    uint64_t words[WORDS];
    uint64_t expected[WORDS];
    fe out;
    assert_int_equal(0, mp_init(&prime));
    assert_int_equal(0, mp_read_radix(&prime, PRIMES[2], HEXADECIMAL));
    memcpy(words, in, sizeof words);
    to_mp(&number, words);
    assert_int_equal(0, mp_mod(&number, &prime, &number));
    to_words(words, &number);
    struct division_modulus modulus = modulus_of(&prime);
    postern_divide(expected, one, words, &modulus);
    postern_fe_invert(out, in);
    assert_memory_equal(expected, out, BYTES);
}

static void inverts_for_x25519(void **state)
{
    (void)state;
    assert_int_equal(BYTES, sizeof(fe));
    for (int i = 0; i < INPUTS; i++) {
        uint64_t words[WORDS];
        fe in;
        random_words(words);
        memcpy(in, words, sizeof in);
        expect_fe_inverse(in);
    }
    for (int last = 0; last < 64; last++) { /* 0 to 63, p to p + 18, and the 63 below 2^256 */
        const fe low = {last};
        const fe high = {-last, -1, -1, -1};
        const fe middle = {last - 19, -1, -1, INT64_MAX};
        expect_fe_inverse(low);
        expect_fe_inverse(high);
        if (last < 19) expect_fe_inverse(middle);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divides),
        cmocka_unit_test(divides_by_powers_of_two_and_by_what_is_near_to_a_prime),
        cmocka_unit_test(writes_over_what_it_is_given),
#ifdef __x86_64__
        cmocka_unit_test(inverts_for_ecdsa),
        cmocka_unit_test(inverts_for_x25519),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
