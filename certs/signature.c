// SPDX-License-Identifier: GPL-3.0-or-later
#include <string.h>

#include "certs/der.h"
#include "certs/oids.h"
#include "certs/wolfcrypt.h"
#include "certs/x509.h"

enum { RSA_BYTES_MAX = 1024 };

struct algorithm {
    enum wc_HashType hash;
    enum wc_SignatureType type;
};

static bool ecdsa_holds(struct span tbs, struct algorithm algorithm, struct span signature,
                        struct span spki)
{
    ecc_key key;
    word32 at = 0;
    if (wc_ecc_init(&key) != 0) return false;
    bool holds = wc_EccPublicKeyDecode(spki.data, &at, &key, (word32)spki.length) == 0 &&
                 wc_SignatureVerify(algorithm.hash, algorithm.type, tbs.data, (word32)tbs.length,
                                    signature.data, (word32)signature.length, &key,
                                    sizeof key) == 0;
    (void)wc_ecc_free(&key); /* fails for NULL only */
    return holds;
}

static bool rsa_holds(struct span tbs, struct algorithm algorithm, struct span signature,
                      struct span spki)
{
    RsaKey key;
    word32 at = 0;
    if (wc_InitRsaKey(&key, NULL) != 0) return false;
    bool holds = wc_RsaPublicKeyDecode(spki.data, &at, &key, (word32)spki.length) == 0 &&
                 wc_SignatureVerify(algorithm.hash, algorithm.type, tbs.data, (word32)tbs.length,
                                    signature.data, (word32)signature.length, &key,
                                    sizeof key) == 0;
    (void)wc_FreeRsaKey(&key); /* fails for NULL only */
    return holds;
}

static bool ed25519_holds(struct span tbs, struct span signature, struct span spki)
{
    ed25519_key key;
    word32 at = 0;
    int good = 0;
    if (wc_ed25519_init(&key) != 0) return false;
    bool holds = wc_Ed25519PublicKeyDecode(spki.data, &at, &key, (word32)spki.length) == 0 &&
                 wc_ed25519_verify_msg(signature.data, (word32)signature.length, tbs.data,
                                       (word32)tbs.length, &good, &key) == 0;
    wc_ed25519_free(&key);
    return holds && good == 1;
}

/* Hash and mask of RSASSA-PSS-params (RFC 4055, 3.1): only those where both hashes are the same,
 * from SHA-256 up, with a salt as long as the hash. */
static enum wc_HashType pss_hash(struct bytes *algorithm, int *mask)
{
    struct bytes params = der_enter(algorithm, DER_SEQUENCE);
    struct bytes hash = der_enter(&params, DER_CONTEXT_CONSTRUCTED(0));
    struct bytes hash_algorithm = der_enter(&hash, DER_SEQUENCE);
    struct span hash_oid = der_take(&hash_algorithm, DER_OID);
    struct bytes wrapped = der_enter(&params, DER_CONTEXT_CONSTRUCTED(1));
    struct bytes mask_algorithm = der_enter(&wrapped, DER_SEQUENCE);
    (void)der_take(&mask_algorithm, DER_OID); /* mgf1: there is no other */
    struct bytes mask_hash = der_enter(&mask_algorithm, DER_SEQUENCE);
    struct span mask_oid = der_take(&mask_hash, DER_OID);
    if (!bytes_ok(&mask_hash) || !span_equal(hash_oid, mask_oid)) return WC_HASH_TYPE_NONE;
    if (span_equal(hash_oid, OID_SHA256)) {
        *mask = WC_MGF1SHA256;
        return WC_HASH_TYPE_SHA256;
    }
    if (span_equal(hash_oid, OID_SHA384)) {
        *mask = WC_MGF1SHA384;
        return WC_HASH_TYPE_SHA384;
    }
    if (!span_equal(hash_oid, OID_SHA512)) return WC_HASH_TYPE_NONE;
    *mask = WC_MGF1SHA512;
    return WC_HASH_TYPE_SHA512;
}

static bool pss_holds(struct span tbs, struct bytes *algorithm, struct span signature,
                      struct span spki)
{
    RsaKey key;
    word32 at = 0;
    int mask = 0;
    uint8_t digest[WC_MAX_DIGEST_SIZE];
    uint8_t decoded[RSA_BYTES_MAX];
    uint8_t copy[RSA_BYTES_MAX];
    enum wc_HashType hash = pss_hash(algorithm, &mask);
    if (hash == WC_HASH_TYPE_NONE || signature.length > sizeof copy) return false;
    word32 length = (word32)wc_HashGetDigestSize(hash);
    if (wc_Hash(hash, tbs.data, (word32)tbs.length, digest, length) != 0) return false;
    if (wc_InitRsaKey(&key, NULL) != 0) return false;
    if (signature.length > 0) memcpy(copy, signature.data, signature.length);
    bool holds = wc_RsaPublicKeyDecode(spki.data, &at, &key, (word32)spki.length) == 0 &&
                 wc_RsaPSS_VerifyCheck(copy, (word32)signature.length, decoded, sizeof decoded,
                                       digest, length, hash, mask, &key) > 0;
    (void)wc_FreeRsaKey(&key); /* fails for NULL only */
    return holds;
}

bool x509_signature_holds(struct span tbs, struct span algorithm, struct span signature,
                          struct span spki)
{
    const struct {
        struct span oid;
        struct algorithm algorithm;
    } known[] = {
        {OID_ECDSA_WITH_SHA256, {WC_HASH_TYPE_SHA256, WC_SIGNATURE_TYPE_ECC}      },
        {OID_ECDSA_WITH_SHA384, {WC_HASH_TYPE_SHA384, WC_SIGNATURE_TYPE_ECC}      },
        {OID_ECDSA_WITH_SHA512, {WC_HASH_TYPE_SHA512, WC_SIGNATURE_TYPE_ECC}      },
        {OID_SHA256_WITH_RSA,   {WC_HASH_TYPE_SHA256, WC_SIGNATURE_TYPE_RSA_W_ENC}},
        {OID_SHA384_WITH_RSA,   {WC_HASH_TYPE_SHA384, WC_SIGNATURE_TYPE_RSA_W_ENC}},
        {OID_SHA512_WITH_RSA,   {WC_HASH_TYPE_SHA512, WC_SIGNATURE_TYPE_RSA_W_ENC}},
    };
    struct bytes in = bytes_of(algorithm.data, algorithm.length);
    struct bytes identifier = der_enter(&in, DER_SEQUENCE);
    struct span oid = der_take(&identifier, DER_OID);
    if (!bytes_ok(&identifier)) return false;
    if (span_equal(oid, OID_ED25519)) return ed25519_holds(tbs, signature, spki);
    if (span_equal(oid, OID_RSA_PSS)) return pss_holds(tbs, &identifier, signature, spki);
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (!span_equal(oid, known[i].oid)) continue;
        if (known[i].algorithm.type == WC_SIGNATURE_TYPE_ECC)
            return ecdsa_holds(tbs, known[i].algorithm, signature, spki);
        return rsa_holds(tbs, known[i].algorithm, signature, spki);
    }
    return false;
}
