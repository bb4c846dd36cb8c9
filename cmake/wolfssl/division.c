/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (2019): Euclid's
 * algorithm on the lowest bits, with the same steps for all numbers. With the balance beginning at
 * one half, 590 steps end every pair below 2^256 (computed by Wuille's convex hulls and verified
 * since); here they are 600, in ten rounds. A round finds out from the lowest limbs what its 60
 * steps make of two numbers, as a matrix, and applies that to the whole of them. */
#include "division.h"

#include <stddef.h>
#include <string.h>

enum {
    LIMBS = DIVISION_LIMBS,
    LIMB_BITS = DIVISION_LIMB_BITS,
    WORDS = DIVISION_WORDS,
    WORD_BITS = 64,
    ROUNDS = 10
};

static const int64_t LIMB_MASK = (INT64_C(1) << LIMB_BITS) - 1;

typedef __int128 wide;

/* All limbs but the highest are in [0, 2^60); that one has the sign. */
struct number {
    int64_t limbs[LIMBS];
};

/* 2^60 times what a round does: f becomes uf + vg, and g becomes qf + rg. */
struct matrix {
    int64_t u, v, q, r;
};

struct division {
    struct number f, g;  /* what Euclid's algorithm is about; at the end f is 1 or -1 */
    struct number d, e;  /* d = f * numerator / denominator, e = g * the same, in (-2m, m) */
    struct matrix steps; /* of the latest round */
    int64_t balance;     /* below 0 where an odd g takes the place of f */
};

/* The 60 steps. One of them, with g odd: g becomes (g - f) / 2 and f what g was, or g becomes
 * (g + f) / 2; with g even: g / 2. Here f, u and v are doubled in place of halving the rest. */
static void find_steps(struct division *all)
{
    uint64_t f = (uint64_t)all->f.limbs[0];
    uint64_t g = (uint64_t)all->g.limbs[0];
    uint64_t u = 1;
    uint64_t v = 0;
    uint64_t q = 0;
    uint64_t r = 1;
    int64_t balance = all->balance;
    for (int i = 0; i < LIMB_BITS; i++) {
        const uint64_t negative = (uint64_t)(balance >> (WORD_BITS - 1));
        const uint64_t odd = 0 - (g & 1);
        g += ((f ^ negative) - negative) & odd;
        q += ((u ^ negative) - negative) & odd;
        r += ((v ^ negative) - negative) & odd;
        const uint64_t exchange = negative & odd;
        balance = (balance ^ (int64_t)exchange) - 1;
        f += g & exchange;
        u += q & exchange;
        v += r & exchange;
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    all->balance = balance;
    all->steps = (struct matrix){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
}

/* The lowest 60 bits of both sums are 0. */
static void apply_to_f_and_g(struct division *all)
{
    const struct matrix *by = &all->steps;
    wide f = 0;
    wide g = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        const int64_t old_f = all->f.limbs[i];
        const int64_t old_g = all->g.limbs[i];
        f += (wide)by->u * old_f + (wide)by->v * old_g;
        g += (wide)by->q * old_f + (wide)by->r * old_g;
        if (i > 0) {
            all->f.limbs[i - 1] = (int64_t)f & LIMB_MASK;
            all->g.limbs[i - 1] = (int64_t)g & LIMB_MASK;
        }
        f >>= LIMB_BITS;
        g >>= LIMB_BITS;
    }
    all->f.limbs[LIMBS - 1] = (int64_t)f;
    all->g.limbs[LIMBS - 1] = (int64_t)g;
}

/* How many moduli have to be added for the lowest 60 bits of `sum` to become 0, when `least` are
 * added already; in (least - 2^60, least]. */
static int64_t moduli(const struct division_modulus *modulus, wide sum, int64_t least)
{
    uint64_t over = modulus->inverse * (uint64_t)sum + (uint64_t)least;
    return least - (int64_t)(over & (uint64_t)LIMB_MASK);
}

/* The same of d and e modulo m: what is below 0 counts as m more, and both stay in (-2m, m). */
static void apply_to_d_and_e(struct division *all, const struct division_modulus *modulus)
{
    const struct matrix *by = &all->steps;
    const int64_t d_negative = all->d.limbs[LIMBS - 1] >> (WORD_BITS - 1);
    const int64_t e_negative = all->e.limbs[LIMBS - 1] >> (WORD_BITS - 1);
    wide d = (wide)by->u * all->d.limbs[0] + (wide)by->v * all->e.limbs[0];
    wide e = (wide)by->q * all->d.limbs[0] + (wide)by->r * all->e.limbs[0];
    const int64_t more_d = moduli(modulus, d, (by->u & d_negative) + (by->v & e_negative));
    const int64_t more_e = moduli(modulus, e, (by->q & d_negative) + (by->r & e_negative));
    d = (d + (wide)modulus->limbs[0] * more_d) >> LIMB_BITS;
    e = (e + (wide)modulus->limbs[0] * more_e) >> LIMB_BITS;
    for (size_t i = 1; i < LIMBS; i++) {
        const int64_t old_d = all->d.limbs[i];
        const int64_t old_e = all->e.limbs[i];
        d += (wide)by->u * old_d + (wide)by->v * old_e + (wide)modulus->limbs[i] * more_d;
        e += (wide)by->q * old_d + (wide)by->r * old_e + (wide)modulus->limbs[i] * more_e;
        all->d.limbs[i - 1] = (int64_t)d & LIMB_MASK;
        all->e.limbs[i - 1] = (int64_t)e & LIMB_MASK;
        d >>= LIMB_BITS;
        e >>= LIMB_BITS;
    }
    all->d.limbs[LIMBS - 1] = (int64_t)d;
    all->e.limbs[LIMBS - 1] = (int64_t)e;
}

static void carry(struct number *a)
{
    for (size_t i = 0; i + 1 < LIMBS; i++) {
        a->limbs[i + 1] += a->limbs[i] >> LIMB_BITS;
        a->limbs[i] &= LIMB_MASK;
    }
}

static void add_if_negative(struct number *a, const struct division_modulus *modulus)
{
    const int64_t negative = a->limbs[LIMBS - 1] >> (WORD_BITS - 1);
    for (size_t i = 0; i < LIMBS; i++)
        a->limbs[i] += modulus->limbs[i] & negative;
    carry(a);
}

static void negate_if(struct number *a, int64_t mask)
{
    for (size_t i = 0; i < LIMBS; i++)
        a->limbs[i] = (a->limbs[i] ^ mask) - mask;
    carry(a);
}

static void read_words(struct number *out, const uint64_t words[WORDS])
{
    for (size_t i = 0; i < LIMBS; i++) {
        const size_t word = i * LIMB_BITS / WORD_BITS;
        const size_t shift = i * LIMB_BITS % WORD_BITS;
        uint64_t limb = words[word] >> shift;
        if (shift > WORD_BITS - LIMB_BITS && word + 1 < WORDS)
            limb |= words[word + 1] << (WORD_BITS - shift);
        out->limbs[i] = (int64_t)(limb & (uint64_t)LIMB_MASK);
    }
}

static void write_words(uint64_t words[WORDS], const struct number *in)
{
    for (size_t i = 0; i < WORDS; i++) {
        const size_t limb = i * WORD_BITS / LIMB_BITS;
        const size_t shift = i * WORD_BITS % LIMB_BITS;
        words[i] = (uint64_t)in->limbs[limb] >> shift | (uint64_t)in->limbs[limb + 1]
                                                            << (LIMB_BITS - shift);
    }
}

static void subtract_if_above(struct number *a, const struct division_modulus *modulus)
{
    for (size_t i = 0; i < LIMBS; i++)
        a->limbs[i] -= modulus->limbs[i];
    carry(a);
    add_if_negative(a, modulus);
}

static __attribute__((noinline)) void operate(uint64_t out[WORDS], const uint64_t numerator[WORDS],
                                              const uint64_t denominator[WORDS],
                                              const struct division_modulus *modulus)
{
    struct division all = {.balance = -1};
    memcpy(all.f.limbs, modulus->limbs, sizeof all.f.limbs);
    read_words(&all.g, denominator);
    subtract_if_above(&all.g, modulus);
    read_words(&all.e, numerator);
    subtract_if_above(&all.e, modulus);
    for (int round = 0; round < ROUNDS; round++) {
        find_steps(&all);
        apply_to_d_and_e(&all, modulus);
        apply_to_f_and_g(&all);
    }
    add_if_negative(&all.d, modulus);
    negate_if(&all.d, all.f.limbs[LIMBS - 1] >> (WORD_BITS - 1));
    add_if_negative(&all.d, modulus);
    write_words(out, &all.d);
}

/* Called in the place of that, for the compiler keeps on the stack what no variable names. */
static __attribute__((noinline)) void wipe_stack(void)
{
    uint8_t below[2 * sizeof(struct division)];
    explicit_bzero(below, sizeof below);
}

void postern_divide(uint64_t out[WORDS], const uint64_t numerator[WORDS],
                    const uint64_t denominator[WORDS], const struct division_modulus *modulus)
{
    operate(out, numerator, denominator, modulus);
    wipe_stack();
}
