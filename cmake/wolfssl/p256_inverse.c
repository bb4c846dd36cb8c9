/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two inverses of an ECDSA signature with P-256, in place of wolfSSL's powers of m - 2: of a
 * point's z, modulo the field's prime, and of the nonce (s, when it is verified), modulo the order.
 * wolfSSL has its numbers in Montgomery's form, where a is a * 2^256: what 2^512 is divided by that
 * gives is the inverse in the same form. docs/decisions/0028. */
#ifdef __x86_64__
#include "division.h"

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/sp_int.h>

#include <string.h>

static const struct division_modulus prime = {
    {INT64_C(0xfffffffffffffff), INT64_C(0xfffffffff), 0, INT64_C(0xffff00000001000),
     INT64_C(0xffff)},
    UINT64_C(0xfffffffffffffff)
};
static const uint64_t prime_2_512[] = {UINT64_C(0x3), UINT64_C(0xfffffffbffffffff),
                                       UINT64_C(0xfffffffffffffffe), UINT64_C(0x4fffffffd)};

static const struct division_modulus order = {
    {INT64_C(0x3b9cac2fc632551), INT64_C(0xe6faada7179e84f), INT64_C(0xfffffffffffffbc),
     INT64_C(0xffff00000000fff), INT64_C(0xffff)},
    UINT64_C(0x32e375511ff43b1)
};
static const uint64_t order_2_512[] = {UINT64_C(0x83244c95be79eea2), UINT64_C(0x4699799c49bd6fa6),
                                       UINT64_C(0x2845b2392b6bec59), UINT64_C(0x66e12d94f3d95620)};

/* Called by wolfSSL in place of sp_256_mont_inv_avx2_4 and sp_256_mont_inv_order_avx2_4, whose last
 * argument is room to work in. */
void postern_p256_inv(sp_digit *out, const sp_digit *in, sp_digit *room);
void postern_p256_inv_order(sp_digit *out, const sp_digit *in, sp_digit *room);

static void invert(sp_digit *out, const sp_digit *in, const uint64_t *numerator,
                   const struct division_modulus *modulus)
{
    uint64_t words[DIVISION_WORDS];
    for (size_t i = 0; i < DIVISION_WORDS; i++)
        words[i] = in[i];
    postern_divide(words, numerator, words, modulus);
    for (size_t i = 0; i < DIVISION_WORDS; i++)
        out[i] = words[i];
    explicit_bzero(words, sizeof words);
}

void postern_p256_inv(sp_digit *out, const sp_digit *in, sp_digit *room)
{
    (void)room;
    invert(out, in, prime_2_512, &prime);
}

void postern_p256_inv_order(sp_digit *out, const sp_digit *in, sp_digit *room)
{
    (void)room;
    invert(out, in, order_2_512, &order);
}
#endif
