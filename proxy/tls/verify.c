// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/verify.h"

#include "certs/certificate.h"
#include "proxy/tls/trust.h"

int verify_mode(const struct tls_context *context)
{
    if (context->trust == NULL) return WOLFSSL_VERIFY_NONE;
    if (context->config->client_certificate == CONFIG_CLIENT_CERTIFICATE_REQUIRED)
        return WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return WOLFSSL_VERIFY_PEER;
}

static bool check_chain(const struct tls_context *context, const WOLFSSL_X509_STORE_CTX *store,
                        struct tls_failure *failure)
{
    time_t now = time(NULL);
    if (store->totalCerts > (int)context->config->max_chain_depth) {
        *failure = (struct tls_failure){"chain_too_long",
                                        "the client's chain is longer than max_chain_depth", false};
        return false;
    }
    for (int i = 0; i < store->totalCerts; i++)
        if (!tls_trust_check(context->trust, store->certs[i].buffer, store->certs[i].length, now,
                             failure))
            return false;
    return true;
}

int verify_client(const struct tls_context *context, bool good, WOLFSSL_X509_STORE_CTX *store,
                  struct identity_certificate **identity, struct tls_failure *failure)
{
    struct certificate leaf;
    if (!good) {
        *failure = tls_failure_of(store->error, -1);
        return 0;
    }
    if (store->error_depth > 0) return 1; /* the leaf's turn comes last */
    if (store->totalCerts < 1)
        return 1; /* none was sent: whether that will do is the mode's matter */
    if (!check_chain(context, store, failure)) return 0;
    if (!certificate_read(&leaf, store->certs[0].buffer, store->certs[0].length)) {
        *failure = (struct tls_failure){"bad_certificate",
                                        "the client's certificate cannot be read", false};
        return 0;
    }
    *identity = identity_certificate_new(&leaf);
    certificate_clear(&leaf);
    if (*identity != NULL) return 1;
    *failure = (struct tls_failure){"out_of_memory", "out of memory", false};
    return 0;
}

bool verify_resumed(const struct tls_context *context, const struct identity_certificate *identity,
                    time_t now)
{
    bool required = context->config->client_certificate == CONFIG_CLIENT_CERTIFICATE_REQUIRED;
    if (identity == NULL) return !required;
    return context->trust != NULL && tls_trust_is_current(context->trust, now);
}

void verify_forget_chain(const struct tls_context *context)
{
    if (context->trust == NULL) return;
#ifndef POSTERN_SYSTEM_WOLFSSL /* never trusts anybody: see tls_trust_new */
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CTX_GetCertManager(context->wolfssl);
    (void)wolfSSL_CertManagerUnloadIntermediateCerts(manager); /* fails for NULL only */
#endif
}
