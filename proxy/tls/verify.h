// SPDX-License-Identifier: GPL-3.0-or-later
/* Judges a client's certificate chain after wolfSSL has verified its signatures, dates and
 * constraints: depth, revocation, and who it is. The same for a resumed session. */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "proxy/identity.h"
#include "proxy/tls/context.h"
#include "proxy/tls/failure.h"
#include "proxy/tls/wolfssl.h"

/* The mode for wolfSSL_set_verify. */
int verify_mode(const struct tls_context *context);
/* What came of a client's chain. */
struct verify_result {
    struct identity_certificate *identity; /* given (free); NULL: refused, or none was sent */
    struct tls_failure failure;            /* reason NULL: none */
    char *explanation; /* given (free): the failure with names and dates; NULL: there is no more */
    int alert;         /* what a refused client is told (RFC 8446, 6.2); 0: what wolfSSL tells it */
};

/* From wolfSSL's verify callback: `good` is its own verdict, which is never softened. Returns what
 * the callback returns. */
int verify_client(const struct tls_context *context, bool good, WOLFSSL_X509_STORE_CTX *store,
                  struct verify_result *result);
/* Whether the client that a ticket names may still come in: a new handshake decides otherwise. */
bool verify_resumed(const struct tls_context *context, const struct identity_certificate *identity,
                    time_t now);
/* Drops the intermediates that a client has just sent: wolfSSL keeps them once verified, and the
 * next client that leaves them out would be let in by what another one sent. */
void verify_forget_chain(const struct tls_context *context);
