/* SPDX-License-Identifier: GPL-3.0-or-later */
/* X25519 with AVX-512's 52-bit multiplications, in place of wolfSSL's where the processor has them;
 * docs/decisions/0027 says why and how it is checked.
 *
 * The four numbers of a vector are what a step of Montgomery's ladder multiplies side by side. Time
 * and addresses depend on no secret: bits of the scalar choose lanes by masks. */
#include "user_settings.h"

#include "curve25519_divide.h"

#include <stdint.h>
#include <string.h>

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/fe_operations.h>

/* What wolfSSL's curve25519 computes, of a clamped scalar; the point's top bit counts as 0. */
int postern_curve25519(byte *out, const byte *scalar, const byte *point);

#ifdef __x86_64__
#define FIELD_VECTOR   __m256i
#define FIELD_OP(name) _mm256_##name
#include "field_avx512.h"

enum { BITS = 255, LANES = 4, A24 = 121666 };

/* Which lanes an operation is for. */
enum { LANE_1 = 2, LANE_2 = 4, LANE_3 = 8, LOW = 1 | LANE_1, HIGH = LANE_2 | LANE_3 };

/* --------------------------------------------------------------------------- four at once */

/* The products of different limbs of `a` and `b`, which is `a` in some lanes and 0 in others,
 * each twice, and then the squares, for columns from `from` to `to` - 1. */
ACCELERATED static INLINE void square_low(struct columns *c, const __m256i a[LIMBS],
                                          const __m256i b[LIMBS], size_t from, size_t to)
{
    for (size_t i = LIMBS; i-- > 0;)
        for (size_t k = i + 1; k < LIMBS; k++)
            if (i + k >= from && i + k < to) add_low(&c->low[i + k], a[i], b[k]);
    for (size_t k = from; k < to; k++)
        c->low[k] = add(c->low[k], c->low[k]);
    for (size_t i = LIMBS; i-- > 0;)
        if (2 * i >= from && 2 * i < to) add_low(&c->low[2 * i], a[i], b[i]);
}

ACCELERATED static INLINE void square_high(struct columns *c, const __m256i a[LIMBS],
                                           const __m256i b[LIMBS], size_t from, size_t to)
{
    for (size_t i = LIMBS; i-- > 0;)
        for (size_t k = i + 1; k < LIMBS; k++)
            if (i + k >= from && i + k < to) add_high(&c->high[i + k], a[i], b[k]);
    for (size_t k = from; k < to; k++)
        c->high[k] = add(c->high[k], c->high[k]);
    for (size_t i = LIMBS; i-- > 0;)
        if (2 * i >= from && 2 * i < to) add_high(&c->high[2 * i], a[i], b[i]);
}

/* out = `plus` + a * a in the high lanes, and `plus` + a * `small` in the others, wide; `small` is
 * below 2^20 there and 0 in the high lanes. */
ACCELERATED static INLINE void square_or_scale(__m256i out[LIMBS], const __m256i a[LIMBS],
                                               __m256i small, const __m256i plus[LIMBS])
{
    struct columns c;
    __m256i b[LIMBS];
    clear(&c);
    for (size_t i = 0; i < LIMBS; i++)
        b[i] = _mm256_maskz_mov_epi64(HIGH, a[i]);
    square_low(&c, a, b, LIMBS, 2 * LIMBS - 1);
    square_high(&c, a, b, LIMBS - 1, 2 * LIMBS - 1);
    add_high(&c.high[LIMBS - 1], a[LIMBS - 1], small);
    fold(out, &c);
    square_high(&c, a, b, 0, LIMBS - 1);
    for (size_t i = 0; i < LIMBS - 1; i++)
        add_high(&c.high[i], a[i], small);
    add_high_columns(out, &c);
    square_low(&c, a, b, 0, LIMBS);
    for (size_t i = 0; i < LIMBS; i++) {
        out[i] = add(out[i], plus[i]);
        add_low(&out[i], a[i], small);
        out[i] = add(out[i], c.low[i]);
    }
}

/* Lanes 1 and 3 become a multiple of p without them, whose limbs are above 2^59. */
ACCELERATED static INLINE __m256i negate_odd(__m256i limb, size_t i)
{
    const __m256i multiple = everywhere(modulus_limb(i) << 9);
    return _mm256_mask_sub_epi64(limb, LANE_1 | LANE_3, multiple, limb);
}

enum { EXCHANGED = 5 }; /* lanes 0 and 1, and lanes 2 and 3: _mm256_permute_pd */

/* --------------------------------------------------------------------------- the ladder */

/* A step, from `sums`, which are x + z and x - z of two points, tight, in lanes 0 to 3. Their sum
 * goes to the high lanes, and to the low ones twice the point in there, or in the high lanes if
 * `swap` is all ones. `base` has 1 and the difference's x in the high lanes. */
ACCELERATED static INLINE void step(__m256i sums[LIMBS], unsigned swap, const __m256i base[LIMBS])
{
    enum { REVERSED_PAIRS = 2 | 3 << 2 | 1 << 4 | 0 << 6 };
    const __mmask8 other = (__mmask8)(swap & LOW);
    __m256i a[LIMBS], b[LIMBS], product[LIMBS], bb[LIMBS], terms[LIMBS];
    for (size_t i = 0; i < LIMBS; i++) {
        __m256i moved = _mm256_permute4x64_epi64(sums[i], REVERSED_PAIRS);
        a[i] = _mm256_mask_blend_epi64(other, sums[i], moved);
        b[i] = _mm256_mask_blend_epi64(other | HIGH, sums[i], moved);
    }
    /* With A and B of the point to double, C and D of the other: AA, BB, CB, DA. Swapped, the last
     * two are AD and BC, which makes no difference. */
    multiply(product, a, b);
    /* AA, E = AA - BB, DA + CB, CB - DA */
    for (size_t i = 0; i < LIMBS; i++) {
        __m256d both = _mm256_castsi256_pd(product[i]);
        __m256i exchanged = _mm256_castpd_si256(
            _mm256_maskz_permute_pd(LANE_1 | LANE_2 | LANE_3, both, EXCHANGED));
        bb[i] = _mm256_maskz_unpackhi_epi64(LOW, product[i], product[i]);
        terms[i] = add(exchanged, negate_odd(product[i], i));
    }
    carry(terms);
    /* BB, BB + 121666 E, and the others' squares */
    square_or_scale(b, terms, _mm256_set_epi64x(0, 0, A24, 0), bb);
    carry(b);
    /* The new x and z: AA * BB, E * (BB + 121666 E), (DA + CB)^2 * 1, (CB - DA)^2 * base */
    for (size_t i = 0; i < LIMBS; i++) {
        a[i] = _mm256_mask_blend_epi64(LOW, b[i], terms[i]);
        b[i] = _mm256_mask_blend_epi64(HIGH, b[i], base[i]);
    }
    multiply(product, a, b);
    for (size_t i = 0; i < LIMBS; i++) {
        __m256d both = _mm256_castsi256_pd(product[i]);
        __m256i exchanged = _mm256_castpd_si256(_mm256_permute_pd(both, EXCHANGED));
        sums[i] = add(exchanged, negate_odd(product[i], i));
    }
    carry(sums);
}

/* The point's x + z and x - z, tight. */
ACCELERATED static void climb(uint64_t sum[LIMBS], uint64_t difference[LIMBS],
                              const uint64_t scalar[WORDS], const uint64_t x[LIMBS])
{
    __m256i base[LIMBS], sums[LIMBS];
    uint64_t last = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t one = i == 0;
        base[i] = _mm256_set_epi64x((long long)x[i], (long long)one, 0, 0);
        sums[i] = _mm256_set_epi64x((long long)(x[i] + modulus_limb(i) - one),
                                    (long long)(x[i] + one), (long long)one, (long long)one);
    }
    carry(sums);
    for (size_t bit = BITS; bit-- > 0;) {
        uint64_t is_set = scalar[bit / 64] >> (bit % 64) & 1;
        step(sums, 0 - (unsigned)(is_set ^ last), base);
        last = is_set;
    }
    /* The scalar ends in zeros, so that nothing is left to be swapped. */
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t lanes[LANES];
        _mm256_storeu_si256((__m256i *)lanes, sums[i]);
        sum[i] = lanes[0];
        difference[i] = lanes[1];
    }
}

/* --------------------------------------------------------------------------- the operation */

/* All that is secret lies in here and below. */
static __attribute__((noinline)) void operate(byte *out, const byte *scalar, const byte *point)
{
    uint64_t words[WORDS], divisor[WORDS], x[LIMBS], z[LIMBS], sum[LIMBS], difference[LIMBS];
    memcpy(words, point, BYTES);
    limbs_of_words(x, words);
    memcpy(words, scalar, BYTES);
    climb(sum, difference, words, x);
    for (size_t i = 0; i < LIMBS; i++) { /* twice x, and twice z */
        x[i] = sum[i] + difference[i];
        z[i] = sum[i] + 2 * modulus_limb(i) - difference[i];
    }
    words_of_limbs(words, x);
    words_of_limbs(divisor, z);
    postern_curve25519_divide(words, words, divisor);
    memcpy(out, words, BYTES);
}

/* Called in the place of that, for the compiler keeps on the stack what no variable names. */
static __attribute__((noinline)) void wipe_stack(void)
{
    byte below[4096];
    explicit_bzero(below, sizeof below);
}

static int is_accelerated(void)
{
    return __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vl");
}

static int compute(byte *out, const byte *scalar, const byte *point)
{
    if (!is_accelerated()) return curve25519(out, scalar, point);
    operate(out, scalar, point);
    wipe_stack();
    return 0;
}

#else
static int compute(byte *out, const byte *scalar, const byte *point)
{
    return curve25519(out, scalar, point);
}
#endif

int postern_curve25519(byte *out, const byte *scalar, const byte *point)
{
    byte masked[CURVE25519_KEYSIZE];
    memcpy(masked, point, sizeof masked);
    masked[sizeof masked - 1] &= 0x7f;
    return compute(out, scalar, masked);
}
