// SPDX-License-Identifier: GPL-3.0-or-later
/* From a listener's settings to wolfSSL's contexts, one a certificate: chosen by server name, then
 * by what the client can verify. A set belongs to one worker, so that what a client sends in its
 * chain is never there for another client's handshake, and no lock is shared. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/tls/wolfssl.h"

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/client_hello.h"
#include "proxy/tls/ticket.h"
#include "proxy/tls/trust.h"

struct tls_context {
    WOLFSSL_CTX *wolfssl;
    const struct config_tls *config;
    struct ticket_keys *tickets;   /* NULL: off */
    const struct tls_trust *trust; /* NULL: no client certificates */
    uint8_t binding[TICKET_BINDING_BYTES];
    struct config_strings names; /* of the certificate: lower-case, `*.` in front for a wildcard */
    bool rsa;
    char alpn[256]; /* the list as wolfSSL wants it */
};

struct tls_context_set {
    struct tls_context *items;
    size_t count;
    bool refuse_unknown_name;
    struct tls_trust *trust;
};

/* Gives a set (tls_context_set_free) that borrows the listener and the tickets as long as it lives.
 * NULL: the sentence names the file and what is wrong with it. */
struct tls_context_set *tls_context_set_new(const struct config_listener *listener,
                                            struct ticket_keys *tickets, struct err *err);
void tls_context_set_free(struct tls_context_set *set);
/* The context for such a client; NULL: unknown server name, to be refused (RFC 6066, 3). */
struct tls_context *tls_context_set_choose(const struct tls_context_set *set,
                                           const struct client_hello *hello);
