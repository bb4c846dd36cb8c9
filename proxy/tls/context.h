// SPDX-License-Identifier: GPL-3.0-or-later
/* From a listener's settings to wolfSSL's contexts, one a certificate (choose.h). A set belongs to
 * one worker, so that what a client sends in its chain is never there for another client's
 * handshake, and no lock is shared. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/tls/wolfssl.h"

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/client_hello.h"
#include "proxy/tls/digest.h"
#include "proxy/tls/staple.h"
#include "proxy/tls/ticket.h"
#include "proxy/tls/trust.h"

struct tls_context {
    WOLFSSL_CTX *wolfssl;
    bool certificate_required;
    unsigned max_chain_depth;
    struct ticket_keys *tickets;   /* NULL: off */
    const struct tls_trust *trust; /* NULL: no client certificates */
    uint8_t binding[TICKET_BINDING_BYTES];
    struct config_strings names; /* of the certificate: lower-case, `*.` in front for a wildcard */
    bool rsa;
    uint64_t groups;                 /* a set of client_hello_group */
    const char *key_algorithm;       /* static texts, such as "EC256"; NULL: another one */
    const char *signature_algorithm; /* "ECDSA-SHA256" */
    struct staple staple;            /* empty where nothing is stapled */
    char alpn[256];                  /* the list as wolfSSL wants it */
};

/* Serves as long as what it was made of stays as it was; generations of the configuration share it.
 */
struct tls_context_set {
    atomic_uint references;
    struct tls_context *items;
    size_t count;
    bool refuse_unknown_name;
    struct tls_trust *trust;
    struct ticket_keys *tickets;
    uint8_t inputs[TLS_DIGEST_BYTES];
};

/* Gives a set (tls_context_set_unref). It keeps references to the tickets and to the trust, which
 * are NULL when there are none, and copies what it needs of the listener. NULL: the sentence names
 * the file and what is wrong with it. */
struct tls_context_set *tls_context_set_new(const struct config_listener *listener,
                                            struct ticket_keys *tickets, struct tls_trust *trust,
                                            struct err *err);
struct tls_context_set *tls_context_set_ref(struct tls_context_set *set);
void tls_context_set_unref(struct tls_context_set *set);
/* Judges by `trust` from now on, which has the same authorities. On its worker's thread. */
void tls_context_set_trust(struct tls_context_set *set, struct tls_trust *trust);
