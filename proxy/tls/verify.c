// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "certs/certificate.h"
#include "proxy/tls/trust.h"

int verify_mode(const struct tls_context *context)
{
    if (context->trust == NULL) return WOLFSSL_VERIFY_NONE;
    if (context->certificate_required)
        return WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return WOLFSSL_VERIFY_PEER;
}

/* The failure's sentence with what an operator needs to find the device and the cause. */
static char *explain(const struct certificate *certificate, const char *reason, time_t now)
{
    char *text = NULL;
    char span[TEXT_DURATION_ROOM];
    int length = -1;
    if (strcmp(reason, "certificate_expired") == 0)
        length = asprintf(&text, "client certificate expired %s ago (%s)",
                          text_duration(span, now - certificate->not_after), certificate->subject);
    else if (strcmp(reason, "certificate_not_yet_valid") == 0)
        length = asprintf(&text,
                          "client certificate is not valid before %s from now (%s): compare "
                          "the clocks",
                          text_duration(span, certificate->not_before - now), certificate->subject);
    else if (strcmp(reason, "unknown_ca") == 0)
        length = asprintf(&text,
                          "the issuer of %s, which is %s, is not in client_ca, nor did the "
                          "client send it",
                          certificate->subject, certificate->issuer);
    else if (strcmp(reason, "certificate_revoked") == 0)
        length = asprintf(&text, "client certificate is revoked (%s, serial %s of %s)",
                          certificate->subject, certificate->serial, certificate->issuer);
    else if (strncmp(reason, "crl_", 4) == 0)
        length = asprintf(&text, "the CRL of %s is %s (client certificate %s)", certificate->issuer,
                          strcmp(reason, "crl_missing") == 0 ? "not in client_crl" : "outdated",
                          certificate->subject);
    return length < 0 ? NULL : text;
}

static void refuse(struct verify_result *result, const WOLFSSL_X509_STORE_CTX *store, int index,
                   struct tls_failure failure)
{
    struct certificate certificate;
    result->failure = failure;
    if (index < 0 || index >= store->totalCerts) return;
    if (!certificate_read(&certificate, store->certs[index].buffer, store->certs[index].length))
        return;
    result->explanation = explain(&certificate, failure.reason, time(NULL));
    certificate_clear(&certificate);
}

static bool check_chain(const struct tls_context *context, const WOLFSSL_X509_STORE_CTX *store,
                        struct verify_result *result)
{
    struct tls_failure failure = {"chain_too_long",
                                  "the client's chain is longer than max_chain_depth", false};
    time_t now = time(NULL);
    if (store->totalCerts > (int)context->max_chain_depth) {
        refuse(result, store, 0, failure);
        return false;
    }
    for (int i = 0; i < store->totalCerts; i++) {
        if (tls_trust_check(context->trust, store->certs[i].buffer, store->certs[i].length, now,
                            &failure))
            continue;
        refuse(result, store, i, failure);
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
        refuse(result, store, store->error_depth, tls_failure_of(store->error, -1));
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
