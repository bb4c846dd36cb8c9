/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RSA-2048's private operation with AVX-512's 52-bit multiplications, in place of wolfSSL's where
 * the processor has them; docs/decisions/0023 says why and how it is checked.
 *
 * Numbers modulo a prime p of 1024 bits are 21 digits of 52 bits, in Montgomery's form with R =
 * 2^1092. The powers are taken modulo a multiple of p that ends in a digit of ones: what has to be
 * added to make a sum end in a digit 0 is then the sum's lowest digit times that multiple, and need
 * not be computed. R is 2^16 times as large as the multiple, so that of operands below five times
 * it the product stays below two times, and nothing is subtracted in between. The two primes'
 * powers are taken side by side, so that one computes while the other waits. Time and addresses
 * depend on no secret: windows have a fixed size, and each look-up reads the whole table. */
#include "user_settings.h"

#include <stdint.h>
#include <string.h>

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/sp.h>

int postern_rsa_private_2048(const byte *in, word32 in_length, const mp_int *d, const mp_int *p,
                             const mp_int *q, const mp_int *dp, const mp_int *dq, const mp_int *qi,
                             const mp_int *n, byte *out, word32 *out_length);

#ifdef __x86_64__
#include <immintrin.h>

#define ACCELERATED __attribute__((target("avx512f,avx512ifma")))

enum {
    WORDS = 16,  /* of 64 bits: a number of 1024 */
    DIGITS = 21, /* of 52 bits */
    LANES = 24,  /* digits and zeros, in three vectors */
    VECTORS = 3,
    DIGIT_BITS = 52,
    WINDOW_BITS = 5,
    ENTRIES = 1 << WINDOW_BITS,
    R_BITS = DIGITS * DIGIT_BITS,
    BYTES = 128,
    INPUT_BYTES = 256,
    INPUT_WORDS = 32,
    PRIMES = 2
};

static const uint64_t DIGIT_MASK = (UINT64_C(1) << DIGIT_BITS) - 1;

struct number {
    _Alignas(64) uint64_t digits[LANES];
};

struct prime {
    uint64_t words[WORDS];
    struct number modulus;
    struct number multiple; /* of the modulus, by k: -1 modulo 2^52 */
    struct number r_squared;
    uint64_t k; /* -1 / modulus, modulo 2^52 */
};

/* What is secret and large; operate_on wipes it, and wipe_stack the rest. */
struct workspace {
    struct prime primes[PRIMES];
    uint64_t exponents[PRIMES][WORDS];
    struct number table[PRIMES][ENTRIES];
    struct number base[PRIMES], result[PRIMES], other[PRIMES];
    uint64_t words[PRIMES][WORDS], inverse[WORDS], input[INPUT_WORDS];
    byte bytes[BYTES];
};

/* --------------------------------------------------------------------------- words and digits */

static void words_of_bytes(uint64_t *words, size_t count, const byte *bytes)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word = 0;
        for (size_t k = 0; k < 8; k++)
            word = word << 8 | bytes[8 * (count - 1 - i) + k];
        words[i] = word;
    }
}

static void bytes_of_words(byte *bytes, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 8; k++)
            bytes[8 * (count - 1 - i) + k] = (byte)(words[i] >> (56 - 8 * k));
}

static int words_of_mp(struct workspace *w, uint64_t words[WORDS], const mp_int *number)
{
    int failed = mp_to_unsigned_bin_len_ct((mp_int *)(uintptr_t)number, w->bytes, BYTES);
    if (failed == MP_OKAY) words_of_bytes(words, WORDS, w->bytes);
    return failed;
}

/* `count` words from bit `at` on, in digits. */
static void digits_of_words(struct number *out, const uint64_t *words, size_t count, size_t at)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < DIGITS; i++) {
        size_t bit = at + i * DIGIT_BITS;
        size_t word = bit / 64;
        size_t shift = bit % 64;
        if (word >= count) break;
        uint64_t digit = words[word] >> shift;
        if (shift > 64 - DIGIT_BITS && word + 1 < count) digit |= words[word + 1] << (64 - shift);
        out->digits[i] = digit & DIGIT_MASK;
    }
}

static void words_of_digits(uint64_t words[WORDS], const struct number *number)
{
    memset(words, 0, WORDS * sizeof *words);
    for (size_t i = 0; i < DIGITS; i++) {
        size_t word = i * DIGIT_BITS / 64;
        size_t shift = i * DIGIT_BITS % 64;
        if (word < WORDS) words[word] |= number->digits[i] << shift;
        if (shift > 64 - DIGIT_BITS && word + 1 < WORDS)
            words[word + 1] |= number->digits[i] >> (64 - shift);
    }
}

/* `out` = `a` - `b`; 1: it was less. */
static uint64_t subtract(uint64_t out[WORDS], const uint64_t a[WORDS], const uint64_t b[WORDS])
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < WORDS; i++) {
        unsigned __int128 difference = (unsigned __int128)a[i] - b[i] - borrow;
        out[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    return borrow;
}

/* Adds `b` where `mask` is all ones. */
static void add_masked(uint64_t a[WORDS], const uint64_t b[WORDS], uint64_t mask)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < WORDS; i++) {
        unsigned __int128 sum = (unsigned __int128)a[i] + (b[i] & mask) + carry;
        a[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
}

/* Into [0, modulus), from below twice that; `over` is bit 1024. */
static void reduce_once(uint64_t a[WORDS], uint64_t over, const uint64_t modulus[WORDS])
{
    uint64_t borrow = subtract(a, a, modulus);
    add_masked(a, modulus, 0 - (borrow & (over ^ 1)));
}

static void double_modulo(uint64_t a[WORDS], const uint64_t modulus[WORDS])
{
    uint64_t over = a[WORDS - 1] >> 63;
    for (size_t i = WORDS - 1; i > 0; i--)
        a[i] = a[i] << 1 | a[i - 1] >> 63;
    a[0] <<= 1;
    reduce_once(a, over, modulus);
}

/* --------------------------------------------------------------------------- multiplication */

/* Brings every digit below 2^52: each passes its carry on, and where that makes a row of full
 * digits overflow, adding masks as numbers finds out how far. */
ACCELERATED static inline void normalise(__m512i v[VECTORS])
{
    const __m512i mask = _mm512_set1_epi64((long long)DIGIT_MASK);
    const __m512i zero = _mm512_setzero_si512();
    __m512i carry[VECTORS];
    uint32_t over = 0;
    uint32_t full = 0;
    for (size_t i = 0; i < VECTORS; i++) {
        carry[i] = _mm512_srli_epi64(v[i], DIGIT_BITS);
        v[i] = _mm512_and_si512(v[i], mask);
    }
    for (size_t i = 0; i < VECTORS; i++) {
        __m512i moved = _mm512_alignr_epi64(carry[i], i == 0 ? zero : carry[i - 1], 7);
        v[i] = _mm512_add_epi64(v[i], moved);
        over |= (uint32_t)_mm512_cmpgt_epu64_mask(v[i], mask) << (8 * i);
        full |= (uint32_t)_mm512_cmpeq_epu64_mask(v[i], mask) << (8 * i);
    }
    uint32_t more = (2 * over + full) ^ full;
    const __m512i one = _mm512_set1_epi64(1);
    for (size_t i = 0; i < VECTORS; i++) {
        v[i] = _mm512_mask_add_epi64(v[i], (__mmask8)(more >> (8 * i)), v[i], one);
        v[i] = _mm512_and_si512(v[i], mask);
    }
}

/* Adds such a multiple of the modulus that the sum ends in a digit 0, and moves it down by that
 * digit. `more` is what belongs to the sum after that. */
ACCELERATED static inline void step(__m512i sum[VECTORS], const __m512i modulus[VECTORS],
                                    __m512i times, __m512i more[VECTORS])
{
    for (size_t i = 0; i < VECTORS; i++) {
        more[i] = _mm512_madd52hi_epu64(more[i], modulus[i], times);
        sum[i] = _mm512_madd52lo_epu64(sum[i], modulus[i], times);
    }
    more[0] = _mm512_add_epi64(more[0], _mm512_maskz_srli_epi64(1, sum[0], DIGIT_BITS));
    sum[0] = _mm512_alignr_epi64(sum[1], sum[0], 1);
    sum[1] = _mm512_alignr_epi64(sum[2], sum[1], 1);
    sum[2] = _mm512_alignr_epi64(_mm512_setzero_si512(), sum[2], 1);
    for (size_t i = 0; i < VECTORS; i++)
        sum[i] = _mm512_add_epi64(sum[i], more[i]);
}

/* The high halves of the products with one digit, and the low ones with the next: what `step` adds.
 */
ACCELERATED static inline void add_products(__m512i more[VECTORS], const __m512i a[VECTORS],
                                            const uint64_t *digit)
{
    const __m512i by = _mm512_set1_epi64((long long)digit[0]);
    const __m512i next = _mm512_set1_epi64((long long)digit[1]);
    for (size_t i = 0; i < VECTORS; i++) {
        more[i] = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a[i], by);
        more[i] = _mm512_madd52lo_epu64(more[i], a[i], next);
    }
}

ACCELERATED static inline void load_number(__m512i v[VECTORS], const struct number *number)
{
    for (size_t i = 0; i < VECTORS; i++)
        v[i] = _mm512_load_si512(number->digits + 8 * i);
}

/* out[x] = a[x] * b[x] / R, modulo each of the primes, or modulo their multiples. */
ACCELERATED static inline __attribute__((always_inline)) void
multiply(struct number *out[PRIMES], const struct number *const a[PRIMES],
         const struct number *const b[PRIMES], const struct prime primes[PRIMES], int by_multiple)
{
    __m512i va[PRIMES][VECTORS], modulus[PRIMES][VECTORS], sum[PRIMES][VECTORS];
    for (size_t x = 0; x < PRIMES; x++) {
        const __m512i first = _mm512_set1_epi64((long long)b[x]->digits[0]);
        load_number(va[x], a[x]);
        load_number(modulus[x], by_multiple ? &primes[x].multiple : &primes[x].modulus);
        for (size_t i = 0; i < VECTORS; i++)
            sum[x][i] = _mm512_madd52lo_epu64(_mm512_setzero_si512(), va[x][i], first);
    }
    for (size_t i = 0; i < DIGITS; i++)
        for (size_t x = 0; x < PRIMES; x++) {
            __m512i more[VECTORS];
            __m128i lowest = _mm512_castsi512_si128(sum[x][0]);
            __m512i times = _mm512_broadcastq_epi64(lowest);
            if (!by_multiple) {
                uint64_t digit = (uint64_t)_mm_cvtsi128_si64(lowest) * primes[x].k & DIGIT_MASK;
                times = _mm512_set1_epi64((long long)digit);
            }
            add_products(more, va[x], b[x]->digits + i);
            step(sum[x], modulus[x], times, more);
        }
    for (size_t x = 0; x < PRIMES; x++) {
        normalise(sum[x]);
        for (size_t i = 0; i < VECTORS; i++)
            _mm512_store_si512(out[x]->digits + 8 * i, sum[x][i]);
    }
}

ACCELERATED static void multiply_pairs(struct number out[PRIMES], const struct number a[PRIMES],
                                       const struct number b[PRIMES],
                                       const struct prime primes[PRIMES])
{
    struct number *outs[] = {&out[0], &out[1]};
    const struct number *const as[] = {&a[0], &a[1]};
    const struct number *const bs[] = {&b[0], &b[1]};
    multiply(outs, as, bs, primes, 0);
}

ACCELERATED static void multiply_by_multiples(struct number *out[PRIMES],
                                              const struct number *const a[PRIMES],
                                              const struct number *const b[PRIMES],
                                              const struct prime primes[PRIMES])
{
    multiply(out, a, b, primes, 1);
}

/* --------------------------------------------------------------------------- exponentiation */

ACCELERATED static void look_up(struct number *out, const struct number table[ENTRIES],
                                uint64_t index)
{
    const __m512i wanted = _mm512_set1_epi64((long long)index);
    __m512i found[VECTORS];
    for (size_t i = 0; i < VECTORS; i++)
        found[i] = _mm512_setzero_si512();
    for (int entry = 0; entry < ENTRIES; entry++) {
        __mmask8 is_it = _mm512_cmpeq_epu64_mask(wanted, _mm512_set1_epi64(entry));
        for (size_t i = 0; i < VECTORS; i++) {
            __m512i value = _mm512_load_si512(table[entry].digits + 8 * i);
            found[i] = _mm512_or_si512(found[i], _mm512_maskz_mov_epi64(is_it, value));
        }
    }
    for (size_t i = 0; i < VECTORS; i++)
        _mm512_store_si512(out->digits + 8 * i, found[i]);
}

static uint64_t window_at(const uint64_t exponent[WORDS], size_t bit, size_t bits)
{
    size_t word = bit / 64;
    size_t shift = bit % 64;
    uint64_t value = exponent[word] >> shift;
    if (shift + bits > 64 && word + 1 < WORDS) value |= exponent[word + 1] << (64 - shift);
    return value & ((UINT64_C(1) << bits) - 1);
}

/* w->result = w->base to the power of w->exponents, all in Montgomery's form. */
static void raise(struct workspace *w, const struct number one[PRIMES])
{
    enum { FIRST_BITS = 1024 % WINDOW_BITS };
    const struct number *const base[] = {&w->base[0], &w->base[1]};
    const struct number *const factor[] = {&w->other[0], &w->other[1]};
    const struct number *const power[] = {&w->result[0], &w->result[1]};
    struct number *result[] = {&w->result[0], &w->result[1]};
    for (size_t x = 0; x < PRIMES; x++) {
        w->table[x][0] = one[x];
        w->table[x][1] = w->base[x];
    }
    for (size_t i = 2; i < ENTRIES; i++) {
        struct number *next[] = {&w->table[0][i], &w->table[1][i]};
        const struct number *const last[] = {&w->table[0][i - 1], &w->table[1][i - 1]};
        multiply_by_multiples(next, last, base, w->primes);
    }
    size_t bit = 1024 - FIRST_BITS;
    for (size_t x = 0; x < PRIMES; x++)
        look_up(&w->result[x], w->table[x], window_at(w->exponents[x], bit, FIRST_BITS));
    while (bit > 0) {
        bit -= WINDOW_BITS;
        for (int i = 0; i < WINDOW_BITS; i++)
            multiply_by_multiples(result, power, power, w->primes);
        for (size_t x = 0; x < PRIMES; x++)
            look_up(&w->other[x], w->table[x], window_at(w->exponents[x], bit, WINDOW_BITS));
        multiply_by_multiples(result, power, factor, w->primes);
    }
}

/* --------------------------------------------------------------------------- the operation */

/* Fills in what follows from the prime, which has 1024 bits; `one` is R, and `power` R * 2^91. */
static void prepare(struct prime *prime, struct number *power, struct number *one)
{
    enum { DOUBLINGS = R_BITS / 12 };
    static const uint64_t zero[WORDS];
    uint64_t words[WORDS + 1];
    digits_of_words(&prime->modulus, prime->words, WORDS, 0);
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - prime->words[0] * inverse;
    prime->k = (0 - inverse) & DIGIT_MASK;
    uint64_t carry = 0;
    for (size_t i = 0; i < WORDS; i++) {
        unsigned __int128 product = (unsigned __int128)prime->words[i] * prime->k + carry;
        words[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    words[WORDS] = carry;
    digits_of_words(&prime->multiple, words, WORDS + 1, 0);
    (void)subtract(words, zero, prime->words); /* 2^1024 - p */
    for (int bit = 1024; bit < R_BITS; bit++)
        double_modulo(words, prime->words);
    digits_of_words(one, words, WORDS, 0);
    for (int i = 0; i < DOUBLINGS; i++)
        double_modulo(words, prime->words);
    digits_of_words(power, words, WORDS, 0);
    explicit_bzero(words, sizeof words);
}

/* R^2: in Montgomery's form a product of 2^(R + i) and 2^(R + k) is 2^(R + i + k), and 12 * 91 is
 * 1092. */
static void square_r(struct workspace *w)
{
    struct number *power = w->other;
    multiply_pairs(power, w->base, w->base, w->primes);
    multiply_pairs(power, power, w->base, w->primes);
    multiply_pairs(power, power, power, w->primes);
    multiply_pairs(power, power, power, w->primes);
    for (size_t x = 0; x < PRIMES; x++)
        w->primes[x].r_squared = power[x];
}

/* out = the words of `number` / R, below the modulus. */
static void leave_form(struct workspace *w, const struct number number[PRIMES])
{
    struct number unit[PRIMES];
    memset(unit, 0, sizeof unit);
    unit[0].digits[0] = unit[1].digits[0] = 1;
    multiply_pairs(w->other, number, unit, w->primes);
    for (size_t x = 0; x < PRIMES; x++) {
        words_of_digits(w->words[x], &w->other[x]);
        reduce_once(w->words[x], 0, w->primes[x].words);
    }
}

/* The input modulo each prime, in Montgomery's form: its low digits by R^2 and the others by R^3.
 */
static void reduce_input(struct workspace *w)
{
    struct number squares[PRIMES];
    struct number *square = squares;
    struct number half[PRIMES];
    for (size_t x = 0; x < PRIMES; x++) {
        w->base[x] = w->primes[x].r_squared;
        digits_of_words(&half[x], w->input, INPUT_WORDS, R_BITS);
    }
    multiply_pairs(square, w->base, w->base, w->primes); /* R^3 */
    multiply_pairs(w->other, half, square, w->primes);
    for (size_t x = 0; x < PRIMES; x++)
        digits_of_words(&half[x], w->input, INPUT_WORDS, 0);
    multiply_pairs(w->base, half, w->base, w->primes);
    for (size_t x = 0; x < PRIMES; x++) {
        uint64_t carry = 0;
        for (size_t i = 0; i < DIGITS; i++) {
            uint64_t digit = w->base[x].digits[i] + w->other[x].digits[i] + carry;
            w->base[x].digits[i] = digit & DIGIT_MASK;
            carry = digit >> DIGIT_BITS;
        }
    }
}

/* out = m2 + q * ((m1 - m2) / q mod p), in Garner's way; m1 and m2 are w->words. */
static void combine(struct workspace *w, byte out[INPUT_BYTES])
{
    uint64_t *m1 = w->words[0];
    uint64_t m2[WORDS];
    uint64_t product[INPUT_WORDS] = {0};
    memcpy(m2, w->words[1], sizeof m2);
    uint64_t reduced[WORDS];
    memcpy(reduced, m2, sizeof reduced);
    reduce_once(reduced, 0, w->primes[0].words); /* q is below 2 p */
    uint64_t borrow = subtract(m1, m1, reduced);
    add_masked(m1, w->primes[0].words, 0 - borrow);
    /* The second place of the pair is not needed any more and computes along. */
    for (size_t x = 0; x < PRIMES; x++) {
        digits_of_words(&w->base[x], m1, WORDS, 0);
        digits_of_words(&w->other[x], w->inverse, WORDS, 0);
        w->result[x] = w->primes[x].r_squared;
    }
    multiply_pairs(w->base, w->base, w->result, w->primes);
    multiply_pairs(w->base, w->base, w->other, w->primes);
    words_of_digits(m1, &w->base[0]);
    reduce_once(m1, w->base[0].digits[1024 / DIGIT_BITS] >> (1024 % DIGIT_BITS) & 1,
                w->primes[0].words);
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t carry = 0;
        for (size_t k = 0; k < WORDS; k++) {
            unsigned __int128 sum = (unsigned __int128)m1[i] * w->primes[1].words[k] +
                                    product[i + k] + carry;
            product[i + k] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        product[i + WORDS] = carry;
    }
    uint64_t carry = 0;
    for (size_t i = 0; i < INPUT_WORDS; i++) {
        unsigned __int128 sum = (unsigned __int128)product[i] + (i < WORDS ? m2[i] : 0) + carry;
        product[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    bytes_of_words(out, product, INPUT_WORDS);
    explicit_bzero(m2, sizeof m2);
    explicit_bzero(reduced, sizeof reduced);
    explicit_bzero(product, sizeof product);
}

static int load(struct workspace *w, const byte *in, word32 in_length, const mp_int *const *parts)
{
    byte padded[INPUT_BYTES] = {0};
    int failed = words_of_mp(w, w->primes[0].words, parts[0]);
    if (failed == MP_OKAY) failed = words_of_mp(w, w->primes[1].words, parts[1]);
    if (failed == MP_OKAY) failed = words_of_mp(w, w->exponents[0], parts[2]);
    if (failed == MP_OKAY) failed = words_of_mp(w, w->exponents[1], parts[3]);
    if (failed == MP_OKAY) failed = words_of_mp(w, w->inverse, parts[4]);
    memcpy(padded + sizeof padded - in_length, in, in_length);
    words_of_bytes(w->input, INPUT_WORDS, padded);
    return failed;
}

static void operate(struct workspace *w, byte out[INPUT_BYTES])
{
    struct number one[PRIMES];
    for (size_t x = 0; x < PRIMES; x++)
        prepare(&w->primes[x], &w->base[x], &one[x]);
    square_r(w);
    reduce_input(w);
    raise(w, one);
    leave_form(w, w->result);
    combine(w, out);
    explicit_bzero(one, sizeof one);
}

/* All that is secret lies in here and below. */
static __attribute__((noinline)) int operate_on(const byte *in, word32 in_length,
                                                const mp_int *const *parts, byte out[INPUT_BYTES])
{
    struct workspace w;
    int failed = load(&w, in, in_length, parts);
    if (failed == MP_OKAY) operate(&w, out);
    explicit_bzero(&w, sizeof w);
    return failed;
}

/* Called in the place of that, for the compiler keeps on the stack what no variable names: of the
 * words of a prime it leaves seven copies. */
static __attribute__((noinline)) void wipe_stack(void)
{
    byte below[2 * sizeof(struct workspace)];
    explicit_bzero(below, sizeof below);
}

static int is_odd_of_1024_bits(const mp_int *number)
{
    return mp_count_bits(number) == 8 * BYTES && mp_isodd(number);
}

int postern_rsa_private_2048(const byte *in, word32 in_length, const mp_int *d, const mp_int *p,
                             const mp_int *q, const mp_int *dp, const mp_int *dq, const mp_int *qi,
                             const mp_int *n, byte *out, word32 *out_length)
{
    const mp_int *const parts[] = {p, q, dp, dq, qi};
    if (!__builtin_cpu_supports("avx512ifma") || !__builtin_cpu_supports("avx512f") ||
        in_length > INPUT_BYTES || *out_length < INPUT_BYTES || mp_count_bits(n) != 16 * BYTES ||
        !is_odd_of_1024_bits(p) || !is_odd_of_1024_bits(q) || mp_count_bits(dp) > 8 * BYTES ||
        mp_count_bits(dq) > 8 * BYTES || mp_count_bits(qi) > 8 * BYTES)
        return sp_RsaPrivate_2048(in, in_length, d, p, q, dp, dq, qi, n, out, out_length);
    int failed = operate_on(in, in_length, parts, out);
    wipe_stack();
    if (failed == MP_OKAY) *out_length = INPUT_BYTES;
    return failed;
}

#else
int postern_rsa_private_2048(const byte *in, word32 in_length, const mp_int *d, const mp_int *p,
                             const mp_int *q, const mp_int *dp, const mp_int *dq, const mp_int *qi,
                             const mp_int *n, byte *out, word32 *out_length)
{
    return sp_RsaPrivate_2048(in, in_length, d, p, q, dp, dq, qi, n, out, out_length);
}
#endif
