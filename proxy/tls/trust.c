// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/trust.h"

#include <stdlib.h>
#include <string.h>

#include "certs/crl.h"
#include "certs/pem.h"
#include "certs/x509.h"
#include "proxy/tls/wolfssl.h"

enum { DIGEST_BYTES = 32 };

struct tls_trust {
    char *authorities; /* PEM, NUL-terminated */
    size_t authorities_length;
    struct crl *crls;
    size_t crls_count;
    bool allow_outdated;
    uint8_t digest[DIGEST_BYTES];
};

static const struct tls_failure revoked = {"certificate_revoked",
                                           "the client's certificate is revoked", false};
static const struct tls_failure crl_missing = {
    "crl_missing", "there is no CRL of the certificate's issuer in client_crl", false};
static const struct tls_failure crl_outdated = {
    "crl_outdated", "the CRL of the certificate's issuer is outdated: put its next one in place",
    false};

static bool add_crls_of(struct tls_trust *trust, const struct pem *pem, const char *path,
                        struct err *err)
{
    size_t found = pem_count(pem, PEM_CRL);
    if (found == 0) return err_set(err, "%s holds no CRL", path);
    struct crl *grown = realloc(trust->crls, (trust->crls_count + found) * sizeof *grown);
    if (grown == NULL) return err_set(err, "out of memory");
    trust->crls = grown;
    for (size_t i = 0; i < found; i++) {
        if (!crl_read(&trust->crls[trust->crls_count], pem_find(pem, PEM_CRL, i)->der, err))
            return err_prefix(err, "%s", path);
        trust->crls_count++;
    }
    return true;
}

static bool hash_file(wc_Sha256 *hash, const struct pem *pem)
{
    return wc_Sha256Update(hash, pem->content.data, (word32)pem->content.length) == 0;
}

static bool load_crls(struct tls_trust *trust, const struct config_tls *config, wc_Sha256 *hash,
                      struct err *err)
{
    for (size_t i = 0; i < config->client_crl.count; i++) {
        struct pem pem;
        const char *path = config->client_crl.items[i];
        if (!pem_load(&pem, path, err)) return false;
        bool good = add_crls_of(trust, &pem, path, err) &&
                    (hash_file(hash, &pem) || err_set(err, "out of memory"));
        pem_clear(&pem);
        if (!good) return false;
    }
    return true;
}

static bool is_revoked(const struct tls_trust *trust, const struct x509 *certificate)
{
    for (size_t i = 0; i < trust->crls_count; i++)
        if (crl_revokes(&trust->crls[i], certificate)) return true;
    return false;
}

static bool append_authority(struct tls_trust *trust, struct span der)
{
    size_t length = 0;
    char *pem = pem_encode("CERTIFICATE", der, &length);
    char *grown = pem == NULL ? NULL
                              : realloc(trust->authorities, trust->authorities_length + length + 1);
    if (grown != NULL) {
        memcpy(grown + trust->authorities_length, pem, length + 1);
        trust->authorities = grown;
        trust->authorities_length += length;
    }
    free(pem);
    return grown != NULL;
}

/* Every CA of the file that no CRL revokes. Clients need not send those, so wolfSSL would never
 * show them to the verify callback. */
static bool keep_authorities(struct tls_trust *trust, const struct pem *pem, const char *path,
                             struct err *err)
{
    for (size_t i = 0; i < pem_count(pem, PEM_CERTIFICATE); i++) {
        struct x509 certificate;
        struct span der = pem_find(pem, PEM_CERTIFICATE, i)->der;
        if (!x509_read(&certificate, der))
            return err_set(err, "%s: certificate number %zu cannot be read", path, i + 1);
        if (is_revoked(trust, &certificate)) continue;
        if (!append_authority(trust, der)) return err_set(err, "out of memory");
    }
    if (trust->authorities_length == 0)
        return err_set(err, "%s holds no CA certificate that is not revoked", path);
    return true;
}

/* A list that nobody here vouches for must not be able to revoke, or to hide a revocation. */
static bool check_signatures(const struct tls_trust *trust, const struct pem *authorities,
                             struct err *err)
{
    for (size_t i = 0; i < trust->crls_count; i++) {
        bool signed_by_one = false;
        for (size_t j = 0; j < pem_count(authorities, PEM_CERTIFICATE) && !signed_by_one; j++) {
            struct x509 ca;
            signed_by_one = x509_read(&ca, pem_find(authorities, PEM_CERTIFICATE, j)->der) &&
                            crl_is_signed_by(&trust->crls[i], &ca);
        }
        if (!signed_by_one)
            return err_set(err,
                           "the CRL of %s is not signed by a CA in client_ca; add that CA to "
                           "client_ca or leave the CRL out",
                           trust->crls[i].issuer_text);
    }
    return true;
}

static bool load(struct tls_trust *trust, const struct config_tls *config, wc_Sha256 *hash,
                 struct err *err)
{
    struct pem authorities;
    if (!pem_load(&authorities, config->client_ca, err)) return false;
    bool good = (hash_file(hash, &authorities) || err_set(err, "out of memory")) &&
                load_crls(trust, config, hash, err) && check_signatures(trust, &authorities, err) &&
                keep_authorities(trust, &authorities, config->client_ca, err);
    pem_clear(&authorities);
    return good;
}

struct tls_trust *tls_trust_new(const struct config_tls *config, struct err *err)
{
    wc_Sha256 hash;
#ifdef POSTERN_SYSTEM_WOLFSSL
    /* Whether its verify callback is called for good chains too depends on how it was built, and
     * without that neither CRLs nor identities would be looked at. */
    err_set(err, "client certificates need the wolfSSL that Postern is built with by default; this "
                 "build links the system's: build without POSTERN_SYSTEM_WOLFSSL, or set "
                 "client_certificate: none");
    return NULL;
#endif
    struct tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL || wc_InitSha256(&hash) != 0) {
        free(trust);
        err_set(err, "out of memory");
        return NULL;
    }
    trust->allow_outdated = config->crl_allow_outdated;
    bool good = load(trust, config, &hash, err);
    if (good && wc_Sha256Final(&hash, trust->digest) != 0) good = err_set(err, "out of memory");
    wc_Sha256Free(&hash);
    if (good) return trust;
    tls_trust_free(trust);
    return NULL;
}

void tls_trust_free(struct tls_trust *trust)
{
    if (trust == NULL) return;
    for (size_t i = 0; i < trust->crls_count; i++)
        crl_clear(&trust->crls[i]);
    free(trust->crls);
    free(trust->authorities);
    free(trust);
}

struct span tls_trust_authorities(const struct tls_trust *trust)
{
    return (struct span){(const uint8_t *)trust->authorities, trust->authorities_length};
}

const uint8_t *tls_trust_digest(const struct tls_trust *trust)
{
    return trust->digest;
}

bool tls_trust_check(const struct tls_trust *trust, const uint8_t *der, size_t length, time_t now,
                     struct tls_failure *failure)
{
    struct x509 certificate;
    bool listed = false;
    bool current = false;
    if (trust->crls_count == 0) return true;
    if (!x509_read(&certificate, (struct span){der, length})) {
        *failure =
            revoked; /* wolfSSL has read it: this one cannot be looked up, so it is not let in */
        return false;
    }
    for (size_t i = 0; i < trust->crls_count; i++) {
        const struct crl *crl = &trust->crls[i];
        if (!crl_is_for(crl, &certificate)) continue;
        listed = true;
        current = current || crl_is_current(crl, now);
        if (!crl_revokes(crl, &certificate)) continue;
        *failure = revoked;
        return false;
    }
    if (listed && (current || trust->allow_outdated)) return true;
    *failure = listed ? crl_outdated : crl_missing;
    return false;
}

bool tls_trust_is_current(const struct tls_trust *trust, time_t now)
{
    if (trust->allow_outdated) return true;
    for (size_t i = 0; i < trust->crls_count; i++)
        if (!crl_is_current(&trust->crls[i], now)) return false;
    return true;
}
