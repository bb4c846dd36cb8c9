/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Multiples of Curve25519's base point with AVX-512's 52-bit multiplications, for X25519's public
 * keys, in place of wolfSSL's where the processor has them; docs/decisions/0027 says why and how it
 * is checked.
 *
 * They are computed on the Edwards curve -x^2 + y^2 = 1 + d x^2 y^2, whose addition has no
 * exceptions. The scalar is 64 digits from -8 to 8. Each of the eight lanes of a vector adds up
 * eight digits' multiples, of 16^(8 lane + k) times the base point, and the lanes are added up at
 * the end. Time and addresses depend on no secret: each look-up reads the whole table. */
#include "user_settings.h"

#include <stdint.h>
#include <string.h>

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/ge_operations.h>

/* For wc_curve25519_make_pub: what wolfSSL's ge_scalarmult_base computes, of a clamped scalar, but
 * only `out->Y` and `out->Z`. */
void postern_base_multiple(ge_p3 *out, const byte *scalar);

#if defined(__x86_64__) && defined(CURVED25519_ASM_64BIT)
#include <pthread.h>

#define FIELD_VECTOR   __m512i
#define FIELD_OP(name) _mm512_##name
#include "field_avx512.h"

enum { LANES = 8, DIGITS = 8 /* of a lane */, MULTIPLES = 8, DIGIT_BITS = 4 };

/* Eight points (x, y) = (X / Z, Y / Z) with T = XY / Z, all tight. */
struct points {
    __m512i sum[LIMBS], difference[LIMBS], z[LIMBS], t[LIMBS]; /* Y + X, Y - X */
};

/* What adding needs to know of the other eight. */
struct addends {
    __m512i sum[LIMBS], difference[LIMBS], twice_z[LIMBS], t_2d[LIMBS];
};

static struct addends table[DIGITS][MULTIPLES]; /* 80 KiB; written once */

/* --------------------------------------------------------------------------- points */

/* `sum` = a + b, `difference` = a - b, tight, of two products. */
ACCELERATED static INLINE void add_and_subtract(__m512i sum[LIMBS], __m512i difference[LIMBS],
                                                const __m512i a[LIMBS], const __m512i b[LIMBS])
{
    for (size_t i = 0; i < LIMBS; i++) {
        __m512i multiple = everywhere(modulus_limb(i) << 9); /* above 2^59 */
        __m512i total = add(a[i], b[i]);
        difference[i] = _mm512_sub_epi64(add(a[i], multiple), b[i]);
        sum[i] = total;
    }
    carry(sum);
    carry(difference);
}

ACCELERATED static __attribute__((noinline)) void make_addends(struct addends *out,
                                                               const struct points *from)
{
    static const uint64_t twice_d[LIMBS] = {0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052,
                                            0x6738cc7407977, 0x2406d9dc56dff};
    __m512i by[LIMBS];
    for (size_t i = 0; i < LIMBS; i++) {
        by[i] = everywhere(twice_d[i]);
        out->sum[i] = from->sum[i];
        out->difference[i] = from->difference[i];
        out->twice_z[i] = add(from->z[i], from->z[i]);
    }
    multiply(out->t_2d, from->t, by);
    carry(out->t_2d);
    carry(out->twice_z);
}

ACCELERATED static __attribute__((noinline)) void add_points(struct points *to,
                                                             const struct addends *other)
{
    __m512i a[LIMBS], b[LIMBS], c[LIMBS], d[LIMBS], e[LIMBS], f[LIMBS], g[LIMBS], h[LIMBS];
    multiply(a, to->difference, other->difference);
    multiply(b, to->sum, other->sum);
    multiply(c, to->t, other->t_2d);
    multiply(d, to->z, other->twice_z);
    add_and_subtract(h, e, b, a);
    add_and_subtract(g, f, d, c);
    multiply(a, e, f); /* X */
    multiply(b, g, h); /* Y */
    multiply(to->z, f, g);
    multiply(to->t, e, h);
    carry(to->z);
    carry(to->t);
    add_and_subtract(to->sum, to->difference, b, a);
}

/* --------------------------------------------------------------------------- the table */

/* The base point times 16^(DIGITS * lane). */
ACCELERATED static void start(struct points *out)
{
    static const uint64_t sum[LIMBS] = {0x493c6f58c3b85, 0x0df7181c325f7, 0x0f50b0b3e4cb7,
                                        0x5329385a44c32, 0x07cf9d3a33d4b};
    static const uint64_t difference[LIMBS] = {0x03905d740913e, 0x0ba2817d673a2, 0x23e2827f4e67c,
                                               0x133d2e0c21a34, 0x44fd2f9298f81};
    static const uint64_t t[LIMBS] = {0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e,
                                      0x332b375274732, 0x67875f0fd78b7};
    for (size_t i = 0; i < LIMBS; i++) {
        out->sum[i] = everywhere(sum[i]);
        out->difference[i] = everywhere(difference[i]);
        out->z[i] = everywhere(i == 0);
        out->t[i] = everywhere(t[i]);
    }
    for (unsigned lane = 1; lane < LANES; lane++)
        for (int doubling = 0; doubling < DIGITS * DIGIT_BITS; doubling++) {
            const __mmask8 from_lane = (__mmask8)(0xff << lane);
            struct points twice = *out;
            struct addends same;
            make_addends(&same, out);
            add_points(&twice, &same);
            for (size_t i = 0; i < LIMBS; i++) {
                out->sum[i] = _mm512_mask_mov_epi64(out->sum[i], from_lane, twice.sum[i]);
                out->difference[i] = _mm512_mask_mov_epi64(out->difference[i], from_lane,
                                                           twice.difference[i]);
                out->z[i] = _mm512_mask_mov_epi64(out->z[i], from_lane, twice.z[i]);
                out->t[i] = _mm512_mask_mov_epi64(out->t[i], from_lane, twice.t[i]);
            }
        }
}

ACCELERATED static void make_table(void)
{
    struct points power;
    start(&power);
    for (size_t k = 0; k < DIGITS; k++) {
        struct points multiple = power;
        make_addends(&table[k][0], &power);
        for (size_t i = 1; i < MULTIPLES; i++) {
            add_points(&multiple, &table[k][0]);
            make_addends(&table[k][i], &multiple);
        }
        add_points(&multiple, &table[k][MULTIPLES - 1]); /* 16 times */
        power = multiple;
    }
}

/* --------------------------------------------------------------------------- the operation */

/* digits[k] is what the lanes look up in table[k]. */
static void digits_of_scalar(long long digits[DIGITS][LANES], const byte *scalar)
{
    int over = 0;
    for (unsigned i = 0; i < DIGITS * LANES; i++) {
        int digit = (scalar[i / 2] >> (i % 2 * DIGIT_BITS) & 15) + over;
        over = i + 1 < DIGITS * LANES ? (digit + 8) >> DIGIT_BITS : 0;
        digits[i % DIGITS][i / DIGITS] = digit - over * 16;
    }
}

/* found |= `from` in the lanes whose bits are all ones in `mask`; the whole is read in any case. */
ACCELERATED static INLINE void take(__m512i found[LIMBS], __m512i mask, const __m512i from[LIMBS])
{
    enum { OR_AND = 0xf8 }; /* a | (b & c) */
    for (size_t i = 0; i < LIMBS; i++)
        found[i] = _mm512_ternarylogic_epi64(found[i], mask, from[i], OR_AND);
}

ACCELERATED static INLINE void exchange(__mmask8 lanes, __m512i *a, __m512i *b)
{
    __m512i old = *a;
    *a = _mm512_mask_mov_epi64(*a, lanes, *b);
    *b = _mm512_mask_mov_epi64(*b, lanes, old);
}

ACCELERATED static __attribute__((noinline)) void
look_up(struct addends *out, const struct addends multiples[MULTIPLES], __m512i digits)
{
    const __m512i zero = everywhere(0);
    const __m512i size = _mm512_abs_epi64(digits);
    const __mmask8 is_zero = _mm512_cmpeq_epi64_mask(digits, zero);
    const __mmask8 is_negative = _mm512_cmplt_epi64_mask(digits, zero);
    struct addends found;
    for (size_t i = 0; i < LIMBS; i++)
        found.sum[i] = found.difference[i] = found.twice_z[i] = found.t_2d[i] = zero;
    found.sum[0] = found.difference[0] = _mm512_maskz_mov_epi64(is_zero, everywhere(1));
    found.twice_z[0] = _mm512_maskz_mov_epi64(is_zero, everywhere(2));
    for (size_t i = 0; i < MULTIPLES; i++) {
        __mmask8 is_it = _mm512_cmpeq_epi64_mask(size, everywhere(i + 1));
        __m512i mask = _mm512_maskz_mov_epi64(is_it, everywhere(UINT64_MAX));
        take(found.sum, mask, multiples[i].sum);
        take(found.difference, mask, multiples[i].difference);
        take(found.twice_z, mask, multiples[i].twice_z);
        take(found.t_2d, mask, multiples[i].t_2d);
    }
    for (size_t i = 0; i < LIMBS; i++) {
        __m512i twice = everywhere(2 * modulus_limb(i));
        exchange(is_negative, &found.sum[i], &found.difference[i]);
        found.t_2d[i] = _mm512_mask_sub_epi64(found.t_2d[i], is_negative, twice, found.t_2d[i]);
    }
    carry(found.t_2d);
    *out = found;
}

/* Adds each of the first lanes, as many as `distance`, to the one that is so far behind it. */
ACCELERATED static void add_lanes(struct points *points, unsigned distance)
{
    const __m512i from = _mm512_add_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0),
                                          everywhere(distance));
    struct points moved;
    struct addends addends;
    for (size_t i = 0; i < LIMBS; i++) {
        moved.sum[i] = _mm512_permutexvar_epi64(from, points->sum[i]);
        moved.difference[i] = _mm512_permutexvar_epi64(from, points->difference[i]);
        moved.z[i] = _mm512_permutexvar_epi64(from, points->z[i]);
        moved.t[i] = _mm512_permutexvar_epi64(from, points->t[i]);
    }
    make_addends(&addends, &moved);
    add_points(points, &addends);
}

/* Twice Y and Z, in wolfSSL's form. */
ACCELERATED static void write_first(ge_p3 *out, const struct points *points)
{
    uint64_t y[LIMBS], z[LIMBS], words[WORDS];
    for (size_t i = 0; i < LIMBS; i++) {
        __m512i twice_y = add(points->sum[i], points->difference[i]);
        __m512i twice_z = add(points->z[i], points->z[i]);
        y[i] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(twice_y));
        z[i] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(twice_z));
    }
    words_of_limbs(words, y);
    memcpy(out->Y, words, sizeof words);
    words_of_limbs(words, z);
    memcpy(out->Z, words, sizeof words);
}

/* All that is secret lies in here and below. */
ACCELERATED static __attribute__((noinline)) void operate(ge_p3 *out, const byte *scalar)
{
    _Alignas(64) long long digits[DIGITS][LANES];
    struct points total;
    struct addends addends;
    digits_of_scalar(digits, scalar);
    for (size_t i = 0; i < LIMBS; i++) {
        total.sum[i] = total.difference[i] = total.z[i] = everywhere(i == 0);
        total.t[i] = everywhere(0);
    }
    for (size_t k = 0; k < DIGITS; k++) {
        look_up(&addends, table[k], _mm512_load_si512(digits[k]));
        add_points(&total, &addends);
    }
    for (unsigned distance = LANES / 2; distance > 0; distance /= 2)
        add_lanes(&total, distance);
    write_first(out, &total);
}

/* Called in the place of that, for the compiler keeps on the stack what no variable names. */
static __attribute__((noinline)) void wipe_stack(void)
{
    byte below[12288];
    explicit_bzero(below, sizeof below);
}

void postern_base_multiple(ge_p3 *out, const byte *scalar)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!__builtin_cpu_supports("avx512ifma") || !__builtin_cpu_supports("avx512vl")) {
        ge_scalarmult_base(out, scalar);
        return;
    }
    (void)pthread_once(&once, make_table);
    operate(out, scalar);
    wipe_stack();
}

#else
void postern_base_multiple(ge_p3 *out, const byte *scalar)
{
    ge_scalarmult_base(out, scalar);
}
#endif
