// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/certificate.h"
#include "certs/chain.h"
#include "proxy/tls/trust.h"

int verify_mode(const struct tls_context *context)
{
    if (context->trust == NULL) return WOLFSSL_VERIFY_NONE;
    if (context->certificate_required)
        return WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return WOLFSSL_VERIFY_PEER;
}

static size_t sent_chain(const WOLFSSL_X509_STORE_CTX *store, struct span chain[CHAIN_MAX])
{
    size_t count = 0;
    for (int i = 0; i < store->totalCerts && count < CHAIN_MAX; i++)
        chain[count++] = (struct span){store->certs[i].buffer, store->certs[i].length};
    return count;
}

/* wolfSSL says bad_certificate of most of them. A list that is missing or outdated is our trouble:
 * nobody has revoked the certificate. */
static int alert_of(enum diagnosis_cause cause)
{
    switch (cause) {
    case DIAGNOSIS_SELF_SIGNED:
    case DIAGNOSIS_UNKNOWN_ISSUER:
    case DIAGNOSIS_NOT_A_CA:
        return unknown_ca;
    case DIAGNOSIS_EXPIRED:
    case DIAGNOSIS_NOT_YET_VALID:
        return certificate_expired;
    case DIAGNOSIS_USAGE:
        return unsupported_certificate;
    case DIAGNOSIS_REVOKED:
        return certificate_revoked;
    case DIAGNOSIS_CRL_MISSING:
    case DIAGNOSIS_CRL_OUTDATED:
        return certificate_unknown;
    case DIAGNOSIS_UNREADABLE:
    case DIAGNOSIS_CHAIN_TOO_LONG:
    case DIAGNOSIS_BAD_SIGNATURE:
    case DIAGNOSIS_PATH_LENGTH:
    case DIAGNOSIS_WEAK_KEY:
        return bad_certificate;
    case DIAGNOSIS_NONE_SENT: /* wolfSSL knows what each version says */
    case DIAGNOSIS_GOOD:
        break;
    }
    return 0;
}

/* What is said is what an operator needs to find the device and the cause. */
static void refuse(const struct tls_context *context, struct verify_result *result,
                   const WOLFSSL_X509_STORE_CTX *store, struct tls_failure failure)
{
    struct span chain[CHAIN_MAX];
    size_t count = sent_chain(store, chain);
    result->failure = failure;
    struct diagnosis found = tls_trust_diagnose(context->trust, chain, count,
                                                context->max_chain_depth, time(NULL));
    if (found.cause != DIAGNOSIS_GOOD) result->explanation = strdup(found.sentence);
    result->alert = alert_of(found.cause);
}

static bool check_chain(const struct tls_context *context, const WOLFSSL_X509_STORE_CTX *store,
                        struct verify_result *result)
{
    struct tls_failure failure = {"chain_too_long",
                                  "the client's chain is longer than max_chain_depth", false};
    time_t now = time(NULL);
    if (store->totalCerts > (int)context->max_chain_depth) {
        refuse(context, result, store, failure);
        return false;
    }
    for (int i = 0; i < store->totalCerts; i++) {
        if (tls_trust_check(context->trust, store->certs[i].buffer, store->certs[i].length, now,
                            &failure))
            continue;
        refuse(context, result, store, failure);
        return false;
    }
    return true;
}

/* Who it is, and by whose word. */
static bool remember(const struct tls_context *context, const WOLFSSL_X509_STORE_CTX *store,
                     const struct certificate *leaf, struct verify_result *result)
{
    struct span chain[LINEAGE_MOST];
    struct lineage lineage[LINEAGE_MOST];
    size_t count = 0;
    for (int i = 0; i < store->totalCerts && count < LINEAGE_MOST; i++)
        chain[count++] = (struct span){store->certs[i].buffer, store->certs[i].length};
    size_t known = tls_trust_lineage(context->trust, chain, count, lineage);
    result->identity = identity_certificate_new(leaf, lineage, known);
    return result->identity != NULL;
}

int verify_client(const struct tls_context *context, bool good, WOLFSSL_X509_STORE_CTX *store,
                  struct verify_result *result)
{
    struct certificate leaf;
    if (!good) {
        refuse(context, result, store, tls_failure_of(store->error, -1));
        return 0;
    }
    if (store->error_depth > 0) return 1; /* the leaf's turn comes last */
    if (store->totalCerts < 1)
        return 1; /* none was sent: whether that will do is the mode's matter */
    if (!check_chain(context, store, result)) return 0;
    if (!certificate_read(&leaf, store->certs[0].buffer, store->certs[0].length)) {
        result->failure = (struct tls_failure){"bad_certificate",
                                               "the client's certificate cannot be read", false};
        return 0;
    }
    bool remembered = remember(context, store, &leaf, result);
    certificate_clear(&leaf);
    if (remembered) return 1;
    result->failure = (struct tls_failure){"out_of_memory", "out of memory", false};
    return 0;
}

bool verify_resumed(const struct tls_context *context, const struct identity_certificate *identity,
                    time_t now)
{
    if (identity == NULL) return !context->certificate_required;
    struct tls_failure failure;
    return context->trust != NULL && tls_trust_is_current(context->trust, now) &&
           tls_trust_recheck(context->trust, identity, &failure);
}

void verify_forget_chain(const struct tls_context *context)
{
    if (context->trust == NULL) return;
#ifndef POSTERN_SYSTEM_WOLFSSL /* never trusts anybody: see tls_trust_new */
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CTX_GetCertManager(context->wolfssl);
    (void)wolfSSL_CertManagerUnloadIntermediateCerts(manager); /* fails for NULL only */
#endif
}
