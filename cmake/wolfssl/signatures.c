/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures of certificates that were computed and found right need not be computed again: that a
 * signature over these bytes is right for this key stays true for ever, whatever is trusted,
 * revoked or expired since, which is looked at each time as before. A digest of all that the answer
 * depends on is kept, so that nothing is believed of a signature that was not computed. Each thread
 * has its own. docs/decisions/0024 has the reasons. */
#include "thread_memory.h"
#include "user_settings.h"

#include <string.h>

#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/sha256.h>

enum { SLOTS = 4096, DIGEST_BYTES = WC_SHA256_DIGEST_SIZE };

int postern_compute_signature(SignatureCtx *context, const byte *data, word32 data_length,
                              const byte *key, word32 key_length, word32 key_oid, const byte *sig,
                              word32 sig_length, word32 sig_oid, const byte *parameters,
                              word32 parameters_length, byte *rsa_key_index);

static int add(wc_Sha256 *hash, const byte *data, word32 length)
{
    int failed = wc_Sha256Update(hash, (const byte *)&length, sizeof length);
    return failed != 0 || length == 0 ? failed : wc_Sha256Update(hash, data, length);
}

static int digest_of(byte digest[DIGEST_BYTES], const byte *const parts[], const word32 lengths[],
                     int count)
{
    wc_Sha256 hash;
    int failed = wc_InitSha256(&hash);
    if (failed != 0) return failed;
    for (int i = 0; i < count && failed == 0; i++)
        failed = add(&hash, parts[i], lengths[i]);
    if (failed == 0) failed = wc_Sha256Final(&hash, digest);
    wc_Sha256Free(&hash);
    return failed;
}

/* In the place of wolfSSL's function, which is compiled as postern_compute_signature. */
int ConfirmSignature(SignatureCtx *context, const byte *data, word32 data_length, const byte *key,
                     word32 key_length, word32 key_oid, const byte *sig, word32 sig_length,
                     word32 sig_oid, const byte *parameters, word32 parameters_length,
                     byte *rsa_key_index)
{
    const byte *const parts[] = {
        data, key, sig, parameters, (const byte *)&key_oid, (const byte *)&sig_oid};
    const word32 lengths[] = {data_length,    key_length,
                              sig_length,     parameters == NULL ? 0 : parameters_length,
                              sizeof key_oid, sizeof sig_oid};
    byte digest[DIGEST_BYTES];
    byte *slot = NULL;
    if (data != NULL && key != NULL && sig != NULL &&
        digest_of(digest, parts, lengths, (int)(sizeof parts / sizeof *parts)) == 0) {
        byte(*found_right)[DIGEST_BYTES] = postern_thread_memory(THREAD_SIGNATURES,
                                                                 sizeof(byte[SLOTS][DIGEST_BYTES]));
        if (found_right != NULL) slot = found_right[(digest[0] << 8 | digest[1]) % SLOTS];
        if (slot != NULL && memcmp(slot, digest, DIGEST_BYTES) == 0) return 0;
    }
    int failed = postern_compute_signature(context, data, data_length, key, key_length, key_oid,
                                           sig, sig_length, sig_oid, parameters, parameters_length,
                                           rsa_key_index);
    if (failed == 0 && slot != NULL) memcpy(slot, digest, DIGEST_BYTES);
    return failed;
}
