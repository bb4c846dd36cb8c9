// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/trust.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "certs/crl.h"
#include "certs/pem.h"
#include "certs/x509.h"
#include "proxy/tls/wolfssl.h"

enum { DIGEST_BYTES = 32 };

struct authority {
    struct span der; /* lent from `file` */
    struct x509 certificate;
    struct lineage id;
};

struct tls_trust {
    atomic_uint references;
    struct pem file; /* client_ca */
    struct authority *items;
    size_t count;
    char *authorities; /* those items, PEM, NUL-terminated */
    size_t authorities_length;
    struct crl *crls;
    size_t crls_count;
    uint8_t (*revoked)[LINEAGE_ID_BYTES]; /* all that the CRLs list, sorted */
    size_t revoked_count;
    bool allow_outdated;
    uint8_t digest[DIGEST_BYTES];
};

static const struct tls_failure not_trusted = {
    "unknown_ca", "the CA of the client's certificate is not in client_ca", false};
static const struct tls_failure revoked = {"certificate_revoked",
                                           "the client's certificate is revoked", false};
static const struct tls_failure crl_missing = {
    "crl_missing", "there is no CRL of the certificate's issuer in client_crl", false};
static const struct tls_failure crl_outdated = {
    "crl_outdated", "the CRL of the certificate's issuer is outdated: put its next one in place",
    false};

/* -------------------------------------------------------------------------------------- lineage */

static bool hash_id(uint8_t out[LINEAGE_ID_BYTES], struct span first, struct span second)
{
    uint8_t digest[DIGEST_BYTES];
    wc_Sha256 hash;
    if (wc_InitSha256(&hash) != 0) return false;
    bool done = wc_Sha256Update(&hash, first.data, (word32)first.length) == 0 &&
                (second.length == 0 ||
                 wc_Sha256Update(&hash, second.data, (word32)second.length) == 0) &&
                wc_Sha256Final(&hash, digest) == 0;
    wc_Sha256Free(&hash);
    memcpy(out, digest, LINEAGE_ID_BYTES);
    return done;
}

static bool hash_number(uint8_t out[LINEAGE_ID_BYTES], struct span issuer, struct span serial)
{
    return hash_id(out, issuer, serial);
}

static bool lineage_of(struct lineage *out, const struct x509 *certificate)
{
    return hash_number(out->number, certificate->issuer, certificate->serial) &&
           hash_id(out->key, certificate->spki, (struct span){NULL, 0});
}

/* -------------------------------------------------------------------------------------- loading */

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

static bool load_crls(struct tls_trust *trust, const struct config_tls *config, struct err *err)
{
    for (size_t i = 0; i < config->client_crl.count; i++) {
        struct pem pem;
        const char *path = config->client_crl.items[i];
        if (!pem_load(&pem, path, err)) return false;
        bool good = add_crls_of(trust, &pem, path, err);
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
static bool keep_authorities(struct tls_trust *trust, const char *path, struct err *err)
{
    size_t there = pem_count(&trust->file, PEM_CERTIFICATE);
    trust->items = calloc(there + 1, sizeof *trust->items);
    if (trust->items == NULL) return err_set(err, "out of memory");
    for (size_t i = 0; i < there; i++) {
        struct authority *item = &trust->items[trust->count];
        item->der = pem_find(&trust->file, PEM_CERTIFICATE, i)->der;
        if (!x509_read(&item->certificate, item->der))
            return err_set(err, "%s: certificate number %zu cannot be read", path, i + 1);
        if (is_revoked(trust, &item->certificate)) continue;
        if (!append_authority(trust, item->der) || !lineage_of(&item->id, &item->certificate))
            return err_set(err, "out of memory");
        trust->count++;
    }
    if (trust->count == 0)
        return err_set(err, "%s holds no CA certificate that is not revoked", path);
    return true;
}

/* A list that nobody here vouches for must not be able to revoke, or to hide a revocation. */
static bool check_signatures(const struct tls_trust *trust, struct err *err)
{
    for (size_t i = 0; i < trust->crls_count; i++) {
        bool signed_by_one = false;
        for (size_t j = 0; j < pem_count(&trust->file, PEM_CERTIFICATE) && !signed_by_one; j++) {
            struct x509 ca;
            signed_by_one = x509_read(&ca, pem_find(&trust->file, PEM_CERTIFICATE, j)->der) &&
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

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, LINEAGE_ID_BYTES);
}

static bool list_revoked(struct tls_trust *trust)
{
    size_t room = 0;
    for (size_t i = 0; i < trust->crls_count; i++)
        room += trust->crls[i].revoked_count;
    trust->revoked = malloc((room + 1) * sizeof *trust->revoked);
    if (trust->revoked == NULL) return false;
    for (size_t i = 0; i < trust->crls_count; i++)
        for (size_t j = 0; j < trust->crls[i].revoked_count; j++)
            if (!hash_number(trust->revoked[trust->revoked_count++], trust->crls[i].issuer,
                             trust->crls[i].revoked[j]))
                return false;
    qsort(trust->revoked, trust->revoked_count, sizeof *trust->revoked, by_id);
    return true;
}

static bool load(struct tls_trust *trust, const struct config_tls *config, struct err *err)
{
    return pem_load(&trust->file, config->client_ca, err) && load_crls(trust, config, err) &&
           check_signatures(trust, err) && keep_authorities(trust, config->client_ca, err) &&
           ((list_revoked(trust) &&
             wc_Sha256Hash((const byte *)trust->authorities, (word32)trust->authorities_length,
                           trust->digest) == 0) ||
            err_set(err, "out of memory"));
}

struct tls_trust *tls_trust_new(const struct config_tls *config, struct err *err)
{
#ifdef POSTERN_SYSTEM_WOLFSSL
    /* Whether its verify callback is called for good chains too depends on how it was built, and
     * without that neither CRLs nor identities would be looked at. */
    err_set(err, "client certificates need the wolfSSL that Postern is built with by default; this "
                 "build links the system's: build without POSTERN_SYSTEM_WOLFSSL, or set "
                 "client_certificate: none");
    return NULL;
#endif
    struct tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    atomic_init(&trust->references, 1);
    trust->allow_outdated = config->crl_allow_outdated;
    if (load(trust, config, err)) return trust;
    tls_trust_unref(trust);
    return NULL;
}

struct tls_trust *tls_trust_ref(struct tls_trust *trust)
{
    if (trust != NULL) (void)atomic_fetch_add_explicit(&trust->references, 1, memory_order_relaxed);
    return trust;
}

void tls_trust_unref(struct tls_trust *trust)
{
    if (trust == NULL) return;
    if (atomic_fetch_sub_explicit(&trust->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < trust->crls_count; i++)
        crl_clear(&trust->crls[i]);
    if (trust->file.memory != NULL) pem_clear(&trust->file);
    free(trust->crls);
    free(trust->revoked);
    free(trust->items);
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

/* The configured CA that signed it; a signature is looked at only where names do not decide. */
static const struct authority *issuer_of(const struct tls_trust *trust,
                                         const struct x509 *certificate)
{
    const struct authority *found = NULL;
    size_t namesakes = 0;
    for (size_t i = 0; i < trust->count; i++) {
        if (!span_equal(trust->items[i].certificate.subject, certificate->issuer)) continue;
        found = &trust->items[i];
        namesakes++;
    }
    for (size_t i = 0; namesakes > 1 && i < trust->count; i++)
        if (x509_is_signed_by(certificate, &trust->items[i].certificate)) return &trust->items[i];
    return found;
}

/* The same among what the client sent, where a certificate that has nothing to do with the others
 * may stand too; `count`: it is not there, or signed itself. */
static size_t sent_issuer_of(const struct x509 *sent, size_t count, size_t of)
{
    size_t found = count;
    size_t namesakes = 0;
    if (x509_is_self_issued(&sent[of])) return count;
    for (size_t i = 0; i < count; i++) {
        if (!span_equal(sent[i].subject, sent[of].issuer)) continue;
        found = i;
        namesakes++;
    }
    for (size_t i = 0; namesakes > 1 && i < count; i++)
        if (x509_is_signed_by(&sent[of], &sent[i])) return i;
    return found;
}

size_t tls_trust_lineage(const struct tls_trust *trust, const struct span *chain, size_t count,
                         struct lineage out[LINEAGE_MOST])
{
    struct x509 sent[LINEAGE_MOST];
    size_t length = 0;
    size_t at = 0;
    if (count == 0 || count >= LINEAGE_MOST) return 0;
    for (size_t i = 0; i < count; i++)
        if (!x509_read(&sent[i], chain[i])) return 0;
    for (size_t next = 0; next < count && length < count; next = sent_issuer_of(sent, count, at)) {
        at = next;
        if (!lineage_of(&out[length++], &sent[at])) return 0;
    }
    const struct authority *issuer = issuer_of(trust, &sent[at]);
    if (issuer != NULL) out[length++] = issuer->id;
    return length;
}

static bool is_trusted(const struct tls_trust *trust, const struct lineage *authority)
{
    for (size_t i = 0; i < trust->count; i++)
        if (memcmp(trust->items[i].id.key, authority->key, LINEAGE_ID_BYTES) == 0) return true;
    return false;
}

bool tls_trust_recheck(const struct tls_trust *trust, const struct identity_certificate *identity,
                       struct tls_failure *failure)
{
    bool trusted = false;
    *failure = not_trusted;
    for (size_t i = 0; i < identity->lineage_count; i++) {
        const struct lineage *one = &identity->lineage[i];
        if (bsearch(one->number, trust->revoked, trust->revoked_count, sizeof *trust->revoked,
                    by_id) != NULL) {
            *failure = revoked;
            return false;
        }
        trusted = trusted || (i > 0 && is_trusted(trust, one));
    }
    return trusted;
}

enum { MOST_AUTHORITIES = 256 };

struct diagnosis tls_trust_diagnose(const struct tls_trust *trust, const struct span *chain,
                                    size_t count, unsigned max_chain_depth, time_t now)
{
    /* Those that a CRL revokes too, so that the revocation is what is named. */
    size_t there = pem_count(&trust->file, PEM_CERTIFICATE);
    size_t most = there < MOST_AUTHORITIES ? there : MOST_AUTHORITIES;
    size_t read = 0;
    struct x509 *authorities = calloc(most + 1, sizeof *authorities);
    for (size_t i = 0; authorities != NULL && i < most; i++)
        read += x509_read(&authorities[read], pem_find(&trust->file, PEM_CERTIFICATE, i)->der);
    struct diagnosis found = diagnose(&(struct diagnosis_question){
        .chain = chain,
        .count = count,
        .authorities = authorities,
        .authorities_count = read,
        .crls = trust->crls,
        .crls_count = trust->crls_count,
        .allow_outdated = trust->allow_outdated,
        .max_chain_depth = max_chain_depth,
        .now = now,
    });
    free(authorities);
    return found;
}
