/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Division modulo a prime of at most 256 bits, in constant time: docs/decisions/0028. */
#pragma once

#include <stdint.h>

enum { DIVISION_WORDS = 4, DIVISION_LIMBS = 5, DIVISION_LIMB_BITS = 60 };

/* Limbs of 60 bits, the lowest first; odd and below 2^256. */
struct division_modulus {
    int64_t limbs[DIVISION_LIMBS];
    uint64_t inverse; /* of the lowest limb, modulo 2^60 */
};

/* out = numerator / denominator modulo a prime, of words of 64 bits, the lowest first; 0 where the
 * denominator is 0. Both are below twice the modulus, and `out` may be one of them. Time and
 * addresses depend on neither of them, and nothing stays on the stack. */
void postern_divide(uint64_t out[DIVISION_WORDS], const uint64_t numerator[DIVISION_WORDS],
                    const uint64_t denominator[DIVISION_WORDS],
                    const struct division_modulus *modulus);
