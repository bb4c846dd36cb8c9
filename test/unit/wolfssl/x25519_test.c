// SPDX-License-Identifier: GPL-3.0-or-later
/* The accelerated X25519 gives what RFC 7748 asks for, and what wolfSSL's own gives. Where the
 * processor has no AVX-512 it is wolfSSL's own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/fe_operations.h>
#include <wolfssl/wolfcrypt/ge_operations.h>
#include <wolfssl/wolfcrypt/random.h>

enum { BYTES = 32, WORDS = 4, INPUTS = 2000, ITERATIONS = 1000 };

int postern_curve25519(byte *out, const byte *scalar, const byte *point);
void postern_base_multiple(ge_p3 *out, const byte *scalar);

static const byte NINE[BYTES] = {9}; /* the base point */

static void clamp(byte scalar[BYTES])
{
    scalar[0] &= 0xf8;
    scalar[BYTES - 1] = (byte)((scalar[BYTES - 1] & 0x7f) | 0x40);
}

static void from_hex(byte out[BYTES], const char *hex)
{
    for (size_t i = 0; i < BYTES; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (byte)strtoul(digits, NULL, 16);
    }
}

/* --------------------------------------------------------------------------- the reference */

/* A number modulo p = 2^255 - 19, below 2^256. */
struct number {
    uint64_t words[WORDS];
};

static struct number reduce(const uint64_t wide[2 * WORDS])
{
    struct number out;
    unsigned __int128 sum = 0;
    for (size_t i = 0; i < WORDS; i++) {
        sum += (unsigned __int128)wide[WORDS + i] * 38 + wide[i];
        out.words[i] = (uint64_t)sum;
        sum >>= 64;
    }
    while (sum != 0) {
        sum *= 38;
        for (size_t i = 0; i < WORDS; i++) {
            sum += out.words[i];
            out.words[i] = (uint64_t)sum;
            sum >>= 64;
        }
    }
    return out;
}

static struct number times(struct number a, struct number b)
{
    uint64_t wide[2 * WORDS] = {0};
    for (size_t i = 0; i < WORDS; i++) {
        unsigned __int128 sum = 0;
        for (size_t k = 0; k < WORDS; k++) {
            sum += (unsigned __int128)a.words[i] * b.words[k] + wide[i + k];
            wide[i + k] = (uint64_t)sum;
            sum >>= 64;
        }
        wide[i + WORDS] = (uint64_t)sum;
    }
    return reduce(wide);
}

static struct number plus(struct number a, struct number b)
{
    uint64_t wide[2 * WORDS] = {0};
    unsigned __int128 sum = 0;
    for (size_t i = 0; i < WORDS; i++) {
        sum += (unsigned __int128)a.words[i] + b.words[i];
        wide[i] = (uint64_t)sum;
        sum >>= 64;
    }
    wide[WORDS] = (uint64_t)sum;
    return reduce(wide);
}

static struct number minus(struct number a, struct number b)
{
    const struct number minus_1 = {
        {UINT64_MAX - 19, UINT64_MAX, UINT64_MAX, UINT64_MAX >> 1}
    };
    return plus(a, times(minus_1, b));
}

static struct number inverse(struct number a)
{
    struct number power = {{1}};
    for (int bit = 254; bit >= 0; bit--) { /* of p - 2 = 2^255 - 21 */
        power = times(power, power);
        if (bit != 2 && bit != 4) power = times(power, a);
    }
    return power;
}

/* The least number that it is, in bytes. */
static void write_number(byte out[BYTES], struct number a)
{
    const struct number nineteen = {{19}};
    for (int i = 0; i < 3; i++) {
        struct number more = plus(a, nineteen);
        if (more.words[WORDS - 1] >> 63 == 0 && a.words[WORDS - 1] >> 63 == 0) break;
        a = more;
        a.words[WORDS - 1] ^= UINT64_C(1) << 63;
    }
    memcpy(out, a.words, BYTES);
}

static int compute_slowly(byte *out, const byte *scalar, const byte *point)
{
    const struct number a24 = {{121666}};
    struct number base, x2 = {{1}}, z2 = {{0}}, x3, z3 = {{1}};
    memcpy(base.words, point, BYTES);
    x3 = base;
    for (int bit = 254; bit >= 0; bit--) {
        int is_set = scalar[bit / 8] >> (bit % 8) & 1;
        struct number a = is_set ? plus(x3, z3) : plus(x2, z2);
        struct number b = is_set ? minus(x3, z3) : minus(x2, z2);
        struct number ad = times(plus(x2, z2), minus(x3, z3));
        struct number bc = times(minus(x2, z2), plus(x3, z3));
        struct number aa = times(a, a);
        struct number bb = times(b, b);
        struct number e = minus(aa, bb);
        struct number x = times(aa, bb);
        struct number z = times(e, plus(bb, times(a24, e)));
        struct number sum = plus(ad, bc);
        struct number difference = minus(ad, bc);
        struct number x_sum = times(sum, sum);
        struct number z_sum = times(base, times(difference, difference));
        x2 = is_set ? x_sum : x;
        z2 = is_set ? z_sum : z;
        x3 = is_set ? x : x_sum;
        z3 = is_set ? z : z_sum;
    }
    write_number(out, times(x2, inverse(z2)));
    return 0;
}

/* --------------------------------------------------------------------------- results */

static void expect_product(const char *scalar_hex, const char *point_hex, const char *expected_hex)
{
    byte scalar[BYTES], point[BYTES], expected[BYTES], out[BYTES];
    from_hex(scalar, scalar_hex);
    from_hex(point, point_hex);
    from_hex(expected, expected_hex);
    clamp(scalar);
    assert_int_equal(postern_curve25519(out, scalar, point), 0);
    assert_memory_equal(out, expected, BYTES);
}

/* Section 5.2; the second point has its top bit set, which counts as 0. */
static void gives_the_vectors_of_rfc_7748(void **state)
{
    (void)state;
    expect_product("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                   "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                   "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    expect_product("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                   "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                   "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

static void gives_the_thousandth_iteration_of_rfc_7748(void **state)
{
    (void)state;
    byte scalar[BYTES] = {9};
    byte point[BYTES] = {9};
    byte expected[BYTES];
    for (int i = 0; i < ITERATIONS; i++) {
        byte clamped[BYTES], out[BYTES];
        memcpy(clamped, scalar, BYTES);
        clamp(clamped);
        assert_int_equal(postern_curve25519(out, clamped, point), 0);
        memcpy(point, scalar, BYTES);
        memcpy(scalar, out, BYTES);
    }
    from_hex(expected, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
    assert_memory_equal(scalar, expected, BYTES);
}

static void compare(const byte scalar[BYTES], const byte point[BYTES],
                    int (*right)(byte *, const byte *, const byte *))
{
    byte expected[BYTES], out[BYTES];
    assert_int_equal(right(expected, scalar, point), 0);
    assert_int_equal(postern_curve25519(out, scalar, point), 0);
    assert_memory_equal(out, expected, BYTES);
}

static void gives_what_wolfssl_gives(void **state)
{
    (void)state;
    WC_RNG rng;
    byte scalar[BYTES], point[BYTES];
    assert_int_equal(wc_InitRng(&rng), 0);
    for (int i = 0; i < INPUTS; i++) {
        assert_int_equal(wc_RNG_GenerateBlock(&rng, scalar, BYTES), 0);
        assert_int_equal(wc_RNG_GenerateBlock(&rng, point, BYTES), 0);
        clamp(scalar);
        point[BYTES - 1] &= 0x7f;
        compare(scalar, point, curve25519);
        if (i < INPUTS / 20) compare(scalar, point, compute_slowly);
    }
    wc_FreeRng(&rng);
}

static int is_accelerated(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

/* Small points, powers of two and their predecessors, and what is written with the most ones, of
 * which some is p and more. wolfSSL's assembly is wrong for a few of them (2, with the scalar of
 * ones and zeros, and 2^108): where it stands in, we can only expect what it gives. */
static void takes_inputs_at_the_edges(void **state)
{
    (void)state;
    enum { SCALARS = 3 };
    int (*const right)(byte *, const byte *, const byte *) = is_accelerated() ? compute_slowly
                                                                              : curve25519;
    const byte fillings[SCALARS] = {0, 0xff, 0x55};
    for (size_t k = 0; k < SCALARS; k++) {
        byte scalar[BYTES];
        memset(scalar, fillings[k], BYTES);
        clamp(scalar);
        for (unsigned last = 0; last < 256; last += 5) {
            byte point[BYTES] = {(byte)last};
            compare(scalar, point, right);
            memset(point + 1, 0xff, BYTES - 1);
            point[BYTES - 1] = 0x7f;
            compare(scalar, point, right);
        }
        for (unsigned bit = 1; bit < 255; bit++) {
            byte point[BYTES] = {0};
            point[bit / 8] = (byte)(1U << (bit % 8));
            compare(scalar, point, right);
            memset(point, 0xff, bit / 8);
            point[bit / 8]--;
            compare(scalar, point, right);
        }
    }
}

/* As wc_curve25519_make_pub does it: (Z + Y) / (Z - Y). */
static void make_public(byte out[BYTES], const byte scalar[BYTES],
                        void (*multiply_base)(ge_p3 *, const byte *))
{
    ge_p3 point;
    fe sum, difference;
    multiply_base(&point, scalar);
    fe_add(sum, point.Z, point.Y);
    fe_sub(difference, point.Z, point.Y);
    fe_invert(difference, difference);
    fe_mul(sum, sum, difference);
    fe_tobytes(out, sum);
}

static void compare_public(const byte scalar[BYTES], int slowly)
{
    byte expected[BYTES], out[BYTES];
    make_public(out, scalar, postern_base_multiple);
    if (slowly && is_accelerated()) {
        assert_int_equal(compute_slowly(expected, scalar, NINE), 0);
    } else {
        make_public(expected, scalar, ge_scalarmult_base);
    }
    assert_memory_equal(out, expected, BYTES);
}

static void multiplies_the_base_point_like_wolfssl(void **state)
{
    (void)state;
    WC_RNG rng;
    byte scalar[BYTES];
    assert_int_equal(wc_InitRng(&rng), 0);
    for (int i = 0; i < INPUTS; i++) {
        assert_int_equal(wc_RNG_GenerateBlock(&rng, scalar, BYTES), 0);
        clamp(scalar);
        compare_public(scalar, 0);
    }
    wc_FreeRng(&rng);
}

/* Every digit at every place, alone, among full ones, and among those that carry; and the order of
 * the base point and its neighbours, whose multiples are those where an addition could fail. */
static void multiplies_the_base_point_by_scalars_at_the_edges(void **state)
{
    (void)state;
    enum { FILLINGS = 4, PLACES = 64, VALUES = 16 };
    const byte fillings[FILLINGS] = {0, 0x77, 0x88, 0xff};
    byte scalar[BYTES];
    for (unsigned i = 0; i < FILLINGS * PLACES * VALUES; i++) {
        unsigned place = i / VALUES % PLACES;
        unsigned shift = place % 2 * 4;
        memset(scalar, fillings[i / VALUES / PLACES], BYTES);
        scalar[place / 2] &= (byte)(0xf0 >> shift);
        scalar[place / 2] |= (byte)(i % VALUES << shift);
        clamp(scalar);
        compare_public(scalar, i % 3 == 0);
    }
    for (int times = 4; times < 8; times++) { /* of the order, from 2^254 on */
        from_hex(scalar, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        unsigned over = 0;
        for (size_t i = 0; i < BYTES; i++) {
            over += scalar[i] * (unsigned)times;
            scalar[i] = (byte)over;
            over >>= 8;
        }
        for (unsigned low = 0; low < 256; low += 8) {
            scalar[0] = (byte)low;
            clamp(scalar);
            compare_public(scalar, 1);
        }
    }
}

/* Of order 1, 2, 4 and 8, some of them twice, with p added. Their products are 0, and wolfSSL
 * refuses such a secret. */
static void gives_zero_for_points_of_low_order(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    WC_RNG rng;
    curve25519_key key, peer;
    assert_int_equal(wc_InitRng(&rng), 0);
    assert_int_equal(wc_curve25519_init(&key), 0);
    assert_int_equal(wc_curve25519_init(&peer), 0);
    assert_int_equal(wc_curve25519_make_key(&rng, BYTES, &key), 0);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        const byte zero[BYTES] = {0};
        byte point[BYTES], out[BYTES];
        word32 length = BYTES;
        from_hex(point, points[i]);
        assert_int_equal(postern_curve25519(out, key.k, point), 0);
        assert_memory_equal(out, zero, BYTES);
        assert_int_equal(wc_curve25519_import_public_ex(point, BYTES, &peer, EC25519_LITTLE_ENDIAN),
                         0);
        assert_int_equal(
            wc_curve25519_shared_secret_ex(&key, &peer, out, &length, EC25519_LITTLE_ENDIAN),
            ECC_OUT_OF_RANGE_E);
    }
    wc_curve25519_free(&key);
    wc_curve25519_free(&peer);
    wc_FreeRng(&rng);
}

static void share(curve25519_key *own, curve25519_key *peer, byte out[BYTES])
{
    word32 length = BYTES;
    assert_int_equal(wc_curve25519_shared_secret_ex(own, peer, out, &length, EC25519_LITTLE_ENDIAN),
                     0);
    assert_int_equal(length, BYTES);
}

static void two_keys_share_a_secret(void **state)
{
    (void)state;
    WC_RNG rng;
    curve25519_key ours, theirs;
    byte one[BYTES], other[BYTES], expected[BYTES];
    assert_int_equal(wc_InitRng(&rng), 0);
    for (int i = 0; i < INPUTS / 10; i++) {
        assert_int_equal(wc_curve25519_init(&ours), 0);
        assert_int_equal(wc_curve25519_init(&theirs), 0);
        assert_int_equal(wc_curve25519_make_key(&rng, BYTES, &ours), 0);
        assert_int_equal(wc_curve25519_make_key(&rng, BYTES, &theirs), 0);
        share(&ours, &theirs, one);
        share(&theirs, &ours, other);
        assert_memory_equal(one, other, BYTES);
        assert_int_equal(curve25519(expected, ours.k, NINE), 0);
        assert_memory_equal(ours.p.point, expected, BYTES);
        assert_int_equal(curve25519(expected, ours.k, theirs.p.point), 0);
        assert_memory_equal(one, expected, BYTES);
        wc_curve25519_free(&ours);
        wc_curve25519_free(&theirs);
    }
    wc_FreeRng(&rng);
}

/* ------------------------------------------------------------------------------------ secrets */

enum { STACK_BYTES = 1024 * 1024, LIMBS = 5, LIMB_BITS = 51 };

struct secrets {
    byte scalar[BYTES], point[BYTES], result[BYTES];
};

static void *multiply(void *arg)
{
    struct secrets *secrets = arg;
    ge_p3 multiple;
    postern_base_multiple(&multiple, secrets->scalar);
    return postern_curve25519(secrets->result, secrets->scalar, secrets->point) == 0 ? NULL : arg;
}

static void expect_absent(const uint64_t *stack, const byte secret[BYTES])
{
    uint64_t words[WORDS + 1] = {0};
    memcpy(words, secret, BYTES);
    for (size_t i = 0; i < LIMBS; i++) {
        size_t word = i * LIMB_BITS / 64;
        size_t shift = i * LIMB_BITS % 64;
        uint64_t limb = words[word] >> shift;
        if (shift > 64 - LIMB_BITS) limb |= words[word + 1] << (64 - shift);
        limb &= (UINT64_C(1) << LIMB_BITS) - 1;
        for (size_t k = 0; k < STACK_BYTES / sizeof *stack; k++)
            assert_true(stack[k] != limb && (i >= WORDS || stack[k] != words[i]));
    }
}

/* The scalar as 64 digits from -8 to 8, of which every eighth lies beside the other. */
static void expect_no_digits(const uint64_t *stack, const byte scalar[BYTES])
{
    enum { LANES = 8 };
    uint64_t rows[LANES][LANES];
    int over = 0;
    for (unsigned i = 0; i < LANES * LANES; i++) {
        int digit = (scalar[i / 2] >> (i % 2 * 4) & 15) + over;
        over = digit >= 8 && i != LANES * LANES - 1;
        rows[i % LANES][i / LANES] = (uint64_t)((int64_t)digit - 16 * (int64_t)over);
    }
    for (size_t i = 0; i < LANES; i++)
        for (size_t k = 0; k + LANES <= STACK_BYTES / sizeof *stack; k++)
            assert_true(memcmp(stack + k, rows[i], sizeof rows[i]) != 0);
}

static void leaves_no_secret_on_the_stack(void **state)
{
    (void)state;
    WC_RNG rng;
    struct secrets secrets;
    pthread_t thread;
    pthread_attr_t attributes;
    void *failed = NULL;
    uint64_t *stack = aligned_alloc(4096, STACK_BYTES);
    assert_non_null(stack);
    memset(stack, 0, STACK_BYTES);
    assert_int_equal(wc_InitRng(&rng), 0);
    assert_int_equal(wc_RNG_GenerateBlock(&rng, (byte *)&secrets, sizeof secrets), 0);
    clamp(secrets.scalar);
    secrets.point[BYTES - 1] &= 0x7f;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, multiply, &secrets), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    expect_absent(stack, secrets.scalar);
    expect_absent(stack, secrets.result);
    expect_no_digits(stack, secrets.scalar);
    (void)pthread_attr_destroy(&attributes);
    free(stack);
    wc_FreeRng(&rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_vectors_of_rfc_7748),
        cmocka_unit_test(gives_the_thousandth_iteration_of_rfc_7748),
        cmocka_unit_test(gives_what_wolfssl_gives),
        cmocka_unit_test(takes_inputs_at_the_edges),
        cmocka_unit_test(multiplies_the_base_point_like_wolfssl),
        cmocka_unit_test(multiplies_the_base_point_by_scalars_at_the_edges),
        cmocka_unit_test(gives_zero_for_points_of_low_order),
        cmocka_unit_test(two_keys_share_a_secret),
        cmocka_unit_test(leaves_no_secret_on_the_stack),
    };
    fe_init(); /* as wc_curve25519_init does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
