/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers modulo p = 2^255 - 19, several at once, with AVX-512's 52-bit multiplications. Who
 * includes this defines FIELD_VECTOR, the type of a vector (__m256i or __m512i), and
 * FIELD_OP(name), the name of an instruction for it (_mm256_ ## name or _mm512_ ## name).
 *
 * A vector holds one limb of four or eight numbers, each of five limbs of 51 bits, in two forms:
 *   tight   limb 0 below 2^51 + 2^15, the others below 2^51 + 2^10: what may be multiplied;
 *   wide    limbs below 2^61, which `carry` makes tight.
 * A product is wide, and below 2^59: its largest limb is the lowest, of one low half (below 2^52)
 * and 19 times the sum of four low halves and of five high ones, doubled (below 2^50 + 2^16 each).
 * So two products can be added, or one subtracted from a multiple of p, before anything is carried.
 */
#ifndef POSTERN_FIELD_AVX512_H
#define POSTERN_FIELD_AVX512_H

#include <stddef.h>
#include <stdint.h>

#include <immintrin.h>

#define ACCELERATED __attribute__((target("avx512f,avx512vl,avx512ifma")))
#define INLINE      __attribute__((always_inline)) inline

enum { LIMBS = 5, LIMB_BITS = 51, WORDS = 4, BYTES = 32 };

static const uint64_t LIMB_MASK = (UINT64_C(1) << LIMB_BITS) - 1;

/* The limb of p. */
static inline uint64_t modulus_limb(size_t i)
{
    return i == 0 ? LIMB_MASK - 18 : LIMB_MASK;
}

static inline void limbs_of_words(uint64_t limbs[LIMBS], const uint64_t words[WORDS])
{
    for (size_t i = 0; i < LIMBS; i++) {
        size_t word = i * LIMB_BITS / 64;
        size_t shift = i * LIMB_BITS % 64;
        limbs[i] = words[word] >> shift;
        if (shift > 64 - LIMB_BITS && word + 1 < WORDS) limbs[i] |= words[word + 1] << (64 - shift);
        limbs[i] &= LIMB_MASK;
    }
}

/* Of limbs below 2^54, which it carries; the words are below 2^255, which p may still be. */
static inline void words_of_limbs(uint64_t words[WORDS], uint64_t limbs[LIMBS])
{
    for (int times = 0; times < 2; times++) {
        uint64_t over = 0;
        for (size_t i = 0; i < LIMBS; i++) {
            limbs[i] += over;
            over = limbs[i] >> LIMB_BITS;
            limbs[i] &= LIMB_MASK;
        }
        limbs[0] += 19 * over;
    }
    for (size_t i = 0; i < WORDS; i++) {
        size_t limb = i * 64 / LIMB_BITS;
        size_t shift = i * 64 % LIMB_BITS;
        words[i] = limbs[limb] >> shift | limbs[limb + 1] << (LIMB_BITS - shift);
    }
}

ACCELERATED static INLINE FIELD_VECTOR everywhere(uint64_t value)
{
    return FIELD_OP(broadcastq_epi64)(_mm_cvtsi64_si128((long long)value));
}

ACCELERATED static INLINE FIELD_VECTOR add(FIELD_VECTOR a, FIELD_VECTOR b)
{
    return FIELD_OP(add_epi64)(a, b);
}

ACCELERATED static INLINE FIELD_VECTOR times_19(FIELD_VECTOR a)
{
    return add(add(a, FIELD_OP(slli_epi64)(a, 1)), FIELD_OP(slli_epi64)(a, 4));
}

ACCELERATED static INLINE void add_low(FIELD_VECTOR *sum, FIELD_VECTOR a, FIELD_VECTOR b)
{
    *sum = FIELD_OP(madd52lo_epu64)(*sum, a, b);
}

ACCELERATED static INLINE void add_high(FIELD_VECTOR *sum, FIELD_VECTOR a, FIELD_VECTOR b)
{
    *sum = FIELD_OP(madd52hi_epu64)(*sum, a, b);
}

/* The sums that make a product: of low halves that weigh 2^51k, and of high halves that weigh
 * 2^(51k + 52), which is twice as much as low[k + 1]. */
struct columns {
    FIELD_VECTOR low[2 * LIMBS], high[2 * LIMBS];
};

ACCELERATED static INLINE void clear(struct columns *c)
{
    for (size_t k = 0; k < 2 * LIMBS; k++)
        c->low[k] = c->high[k] = everywhere(0);
}

/* The columns from 2^255 on, 19 times, since 2^255 = 19 modulo p. */
ACCELERATED static INLINE void fold(FIELD_VECTOR out[LIMBS], const struct columns *c)
{
    for (size_t k = 0; k < LIMBS; k++) {
        FIELD_VECTOR high = c->high[k + LIMBS - 1];
        out[k] = times_19(add(c->low[k + LIMBS], add(high, high)));
    }
}

ACCELERATED static INLINE void add_high_columns(FIELD_VECTOR out[LIMBS], const struct columns *c)
{
    for (size_t k = 1; k < LIMBS; k++)
        out[k] = add(out[k], add(c->high[k - 1], c->high[k - 1]));
}

/* out = a * b, wide. The columns that have the longest way to go come first: the order decides over
 * a sixth of the time. */
ACCELERATED static INLINE void multiply(FIELD_VECTOR out[LIMBS], const FIELD_VECTOR a[LIMBS],
                                        const FIELD_VECTOR b[LIMBS])
{
    struct columns c;
    clear(&c);
    for (size_t i = 1; i < LIMBS; i++)
        for (size_t k = LIMBS - i; k < LIMBS; k++)
            add_low(&c.low[i + k], a[i], b[k]);
    for (size_t i = 0; i < LIMBS; i++)
        for (size_t k = LIMBS - 1 - i; k < LIMBS; k++)
            add_high(&c.high[i + k], a[i], b[k]);
    fold(out, &c);
    for (size_t i = LIMBS; i-- > 0;)
        for (size_t k = 0; i + k < LIMBS - 1; k++)
            add_high(&c.high[i + k], a[i], b[k]);
    add_high_columns(out, &c);
    for (size_t i = LIMBS; i-- > 0;)
        for (size_t k = 0; i + k < LIMBS; k++)
            add_low(&c.low[i + k], a[i], b[k]);
    for (size_t k = 0; k < LIMBS; k++)
        out[k] = add(out[k], c.low[k]);
}

ACCELERATED static INLINE void carry(FIELD_VECTOR a[LIMBS])
{
    const FIELD_VECTOR mask = everywhere(LIMB_MASK);
    FIELD_VECTOR over[LIMBS];
    for (size_t i = 0; i < LIMBS; i++) {
        over[i] = FIELD_OP(srli_epi64)(a[i], LIMB_BITS);
        a[i] = a[i] & mask;
    }
    add_low(&a[0], over[LIMBS - 1], everywhere(19));
    for (size_t i = 1; i < LIMBS; i++)
        a[i] = add(a[i], over[i - 1]);
}

#endif
