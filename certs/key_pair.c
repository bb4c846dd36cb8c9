// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/key_pair.h"

#include <stdlib.h>
#include <string.h>

#include "certs/oids.h"
#include "certs/pem.h"
#include "certs/wolfcrypt.h"

enum { SPKI_MAX = 1200, PRIVATE_MAX = 5000, RSA_BITS = 2048, RSA_EXPONENT = 65537 };

struct key_pair {
    enum certificate_key kind;
    union {
        ecc_key ecdsa;
        RsaKey rsa;
        ed25519_key ed25519;
    };
    uint8_t spki[SPKI_MAX];
    size_t spki_length;
};

/* Each key has these steps; what wolfCrypt calls them differs by kind. */

static bool init(struct key_pair *pair, enum certificate_key kind)
{
    int code = -1;
    memset(pair, 0, sizeof *pair);
    if (kind == CERTIFICATE_KEY_ECDSA) code = wc_ecc_init(&pair->ecdsa);
    if (kind == CERTIFICATE_KEY_RSA) code = wc_InitRsaKey(&pair->rsa, NULL);
    if (kind == CERTIFICATE_KEY_ED25519) code = wc_ed25519_init(&pair->ed25519);
    if (code == 0) pair->kind = kind;
    return code == 0;
}

static void clear(struct key_pair *pair)
{
    if (pair->kind == CERTIFICATE_KEY_ECDSA) (void)wc_ecc_free(&pair->ecdsa);
    if (pair->kind == CERTIFICATE_KEY_RSA) (void)wc_FreeRsaKey(&pair->rsa);
    if (pair->kind == CERTIFICATE_KEY_ED25519) wc_ed25519_free(&pair->ed25519);
    explicit_bzero(pair, sizeof *pair);
}

static bool make_public(struct key_pair *pair)
{
    uint8_t public[ED25519_PUB_KEY_SIZE];
    if (pair->kind == CERTIFICATE_KEY_ECDSA && pair->ecdsa.type == ECC_PRIVATEKEY_ONLY)
        return wc_ecc_make_pub(&pair->ecdsa, NULL) == 0;
    if (pair->kind == CERTIFICATE_KEY_ED25519 && !pair->ed25519.pubKeySet)
        return wc_ed25519_make_public(&pair->ed25519, public, sizeof public) == 0 &&
               wc_ed25519_import_public(public, sizeof public, &pair->ed25519) == 0;
    return true;
}

static bool decode(struct key_pair *pair, struct span der)
{
    word32 at = 0;
    word32 length = (word32)der.length;
    if (pair->kind == CERTIFICATE_KEY_ECDSA)
        return wc_EccPrivateKeyDecode(der.data, &at, &pair->ecdsa, length) == 0;
    if (pair->kind == CERTIFICATE_KEY_RSA)
        return wc_RsaPrivateKeyDecode(der.data, &at, &pair->rsa, length) == 0;
    return wc_Ed25519PrivateKeyDecode(der.data, &at, &pair->ed25519, length) == 0;
}

static bool encode_spki(struct key_pair *pair)
{
    int length = -1;
    if (pair->kind == CERTIFICATE_KEY_ECDSA)
        length = wc_EccPublicKeyToDer(&pair->ecdsa, pair->spki, SPKI_MAX, 1);
    if (pair->kind == CERTIFICATE_KEY_RSA)
        length = wc_RsaKeyToPublicDer(&pair->rsa, pair->spki, SPKI_MAX);
    if (pair->kind == CERTIFICATE_KEY_ED25519)
        length = wc_Ed25519PublicKeyToDer(&pair->ed25519, pair->spki, SPKI_MAX, 1);
    if (length > 0) pair->spki_length = (size_t)length;
    return length > 0;
}

static bool generate(struct key_pair *pair, WC_RNG *rng)
{
    if (pair->kind == CERTIFICATE_KEY_ECDSA)
        return wc_ecc_make_key_ex(rng, 32, &pair->ecdsa, ECC_SECP256R1) == 0;
    if (pair->kind == CERTIFICATE_KEY_RSA)
        return wc_MakeRsaKey(&pair->rsa, RSA_BITS, RSA_EXPONENT, rng) == 0;
    return wc_ed25519_make_key(rng, ED25519_KEY_SIZE, &pair->ed25519) == 0;
}

struct key_pair *key_pair_read(struct span der)
{
    static const enum certificate_key kinds[] = {CERTIFICATE_KEY_ECDSA, CERTIFICATE_KEY_RSA,
                                                 CERTIFICATE_KEY_ED25519};
    struct key_pair *pair = malloc(sizeof *pair);
    for (size_t i = 0; pair != NULL && i < ARRAY_LENGTH(kinds); i++) {
        if (!init(pair, kinds[i])) continue;
        if (decode(pair, der) && make_public(pair) && encode_spki(pair)) return pair;
        clear(pair);
    }
    free(pair);
    return NULL;
}

struct key_pair *key_pair_load(const char *path, struct err *err)
{
    struct pem pem;
    if (!pem_load(&pem, path, err)) return NULL;
    const struct pem_block *block = pem_find(&pem, PEM_PRIVATE_KEY, 0);
    struct key_pair *pair = block == NULL ? NULL : key_pair_read(block->der);
    if (pair != NULL) {
        pem_clear(&pem);
        return pair;
    }
    if (pem_count(&pem, PEM_ENCRYPTED_KEY) > 0)
        err_set(err,
                "%s: the private key is encrypted; write it without a passphrase (openssl "
                "pkey), readable by its owner only",
                path);
    else if (block == NULL)
        err_set(err, "%s: there is no private key in it", path);
    else
        err_set(err,
                "%s: the private key cannot be read; RSA, ECDSA (P-256, P-384, P-521) and "
                "Ed25519 are supported",
                path);
    pem_clear(&pem);
    return NULL;
}

struct key_pair *key_pair_generate(enum certificate_key kind, struct err *err)
{
    WC_RNG rng;
    struct key_pair *pair = malloc(sizeof *pair);
    bool random = wc_InitRng(&rng) == 0;
    if (pair != NULL && random && init(pair, kind)) {
        bool done = generate(pair, &rng) && encode_spki(pair);
        (void)wc_FreeRng(&rng); /* fails for NULL only */
        if (done) return pair;
        clear(pair);
    } else if (random) {
        (void)wc_FreeRng(&rng); /* likewise */
    }
    free(pair);
    err_set(err, "a key could not be made");
    return NULL;
}

void key_pair_free(struct key_pair *pair)
{
    if (pair == NULL) return;
    clear(pair);
    free(pair);
}

enum certificate_key key_pair_kind(const struct key_pair *pair)
{
    return pair->kind;
}

struct span key_pair_spki(const struct key_pair *pair)
{
    return (struct span){pair->spki, pair->spki_length};
}

/* The key itself, without its AlgorithmIdentifier, whose parameters may be written differently. */
static struct span public_bits(struct span spki)
{
    struct bytes in = bytes_of(spki.data, spki.length);
    struct bytes info = der_enter(&in, DER_SEQUENCE);
    (void)der_enter(&info, DER_SEQUENCE);
    return der_take_bits(&info);
}

bool key_pair_matches(const struct key_pair *pair, struct span spki)
{
    struct span theirs = public_bits(spki);
    return theirs.length > 0 && span_equal(theirs, public_bits(key_pair_spki(pair)));
}

/* PKCS#8 (RFC 5958) around what RSA has. */
static int encode_rsa(RsaKey *key, uint8_t *out, size_t room)
{
    uint8_t inner[PRIVATE_MAX];
    struct der_writer der = {0};
    int length = wc_RsaKeyToDer(key, inner, sizeof inner);
    if (length <= 0) return -1;
    size_t info = der_begin(&der, DER_SEQUENCE);
    der_put_number(&der, (struct span){NULL, 0}); /* version 0 */
    size_t algorithm = der_begin(&der, DER_SEQUENCE);
    der_put(&der, DER_OID, OID_RSA_ENCRYPTION);
    der_put(&der, DER_NULL, (struct span){NULL, 0});
    der_end(&der, algorithm);
    der_put(&der, DER_OCTET_STRING, (struct span){inner, (size_t)length});
    der_end(&der, info);
    explicit_bzero(inner, sizeof inner);
    bool fits = !der.failed && der.length <= room;
    if (fits) memcpy(out, der.data, der.length);
    length = fits ? (int)der.length : -1;
    if (der.data != NULL) explicit_bzero(der.data, der.length);
    der_writer_clear(&der);
    return length;
}

char *key_pair_encode(struct key_pair *pair, size_t *length)
{
    uint8_t der[PRIVATE_MAX];
    word32 room = sizeof der;
    int written = -1;
    if (pair->kind == CERTIFICATE_KEY_ECDSA && wc_EccKeyToPKCS8(&pair->ecdsa, der, &room) > 0)
        written = (int)room;
    if (pair->kind == CERTIFICATE_KEY_RSA) written = encode_rsa(&pair->rsa, der, sizeof der);
    if (pair->kind == CERTIFICATE_KEY_ED25519)
        written = wc_Ed25519PrivateKeyToDer(&pair->ed25519, der, sizeof der);
    char *text = NULL;
    if (written > 0) text = pem_encode("PRIVATE KEY", (struct span){der, (size_t)written}, length);
    explicit_bzero(der, sizeof der);
    return text;
}

void key_pair_put_algorithm(const struct key_pair *pair, struct der_writer *out)
{
    size_t algorithm = der_begin(out, DER_SEQUENCE);
    if (pair->kind == CERTIFICATE_KEY_ECDSA) der_put(out, DER_OID, OID_ECDSA_WITH_SHA256);
    if (pair->kind == CERTIFICATE_KEY_ED25519) der_put(out, DER_OID, OID_ED25519);
    if (pair->kind == CERTIFICATE_KEY_RSA) {
        der_put(out, DER_OID, OID_SHA256_WITH_RSA);
        der_put(out, DER_NULL, (struct span){NULL, 0});
    }
    der_end(out, algorithm);
}

static int sign(struct key_pair *pair, struct span tbs, uint8_t *signature, word32 *length,
                WC_RNG *rng)
{
    word32 tbs_length = (word32)tbs.length;
    if (pair->kind == CERTIFICATE_KEY_ECDSA)
        return wc_SignatureGenerate(WC_HASH_TYPE_SHA256, WC_SIGNATURE_TYPE_ECC, tbs.data,
                                    tbs_length, signature, length, &pair->ecdsa, sizeof pair->ecdsa,
                                    rng);
    if (pair->kind == CERTIFICATE_KEY_ED25519)
        return wc_ed25519_sign_msg(tbs.data, tbs_length, signature, length, &pair->ed25519);
    *length = (word32)wc_SignatureGetSize(WC_SIGNATURE_TYPE_RSA_W_ENC, &pair->rsa,
                                          sizeof pair->rsa);
    int code = wc_RsaSetRNG(&pair->rsa, rng); /* blinding needs it */
    if (code != 0) return code;
    return wc_SignatureGenerate(WC_HASH_TYPE_SHA256, WC_SIGNATURE_TYPE_RSA_W_ENC, tbs.data,
                                tbs_length, signature, length, &pair->rsa, sizeof pair->rsa, rng);
}

size_t key_pair_sign(struct key_pair *pair, struct span tbs, uint8_t *signature, size_t room)
{
    WC_RNG rng;
    word32 length = (word32)room;
    if (room < KEY_PAIR_SIGNATURE_MAX || wc_InitRng(&rng) != 0) return 0;
    int code = sign(pair, tbs, signature, &length, &rng);
    (void)wc_FreeRng(&rng); /* fails for NULL only */
    return code == 0 ? length : 0;
}
