/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What X25519 ends with: a division in Curve25519's field, of coordinates that are fractions. In
 * place of wolfSSL's power of p - 2: docs/decisions/0028. */
#include "user_settings.h"

#include <string.h>

#include "curve25519_divide.h"

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/fe_operations.h>

void postern_curve25519_divide(uint64_t out[DIVISION_WORDS],
                               const uint64_t numerator[DIVISION_WORDS],
                               const uint64_t denominator[DIVISION_WORDS])
{
    static const struct division_modulus prime = {
        {INT64_C(0xfffffffffffffed), INT64_C(0xfffffffffffffff), INT64_C(0xfffffffffffffff),
         INT64_C(0xfffffffffffffff), INT64_C(0x7fff)},
        UINT64_C(0x9435e50d79435e5)
    };
    postern_divide(out, numerator, denominator, &prime);
}

/* For wc_curve25519_make_pub: what wolfSSL's fe_invert computes. */
void postern_fe_invert(fe out, const fe in);

#if defined(__x86_64__) && defined(CURVED25519_ASM_64BIT)
/* An `fe` is four words there, of any number below 2^256: 2^255 counts as 19. */
void postern_fe_invert(fe out, const fe in)
{
    static const uint64_t one[DIVISION_WORDS] = {1};
    uint64_t words[DIVISION_WORDS];
    memcpy(words, in, sizeof words);
    uint64_t over = 19 * (words[DIVISION_WORDS - 1] >> 63);
    words[DIVISION_WORDS - 1] &= UINT64_MAX >> 1;
    for (size_t i = 0; i < DIVISION_WORDS; i++) {
        words[i] += over;
        over = words[i] < over;
    }
    postern_curve25519_divide(words, one, words);
    memcpy(out, words, sizeof words);
    explicit_bzero(words, sizeof words);
}
#else
void postern_fe_invert(fe out, const fe in)
{
    fe_invert(out, in);
}
#endif
