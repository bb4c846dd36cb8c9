// SPDX-License-Identifier: GPL-3.0-or-later
/* Who a client is: what TLS, its certificate and its CONNECT say together. Plain data that policies
 * judge and the log shows; lives as long as its session. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct certificate;

enum { LINEAGE_ID_BYTES = 16, LINEAGE_MOST = 10 };

/* A certificate of the chain that a verdict stood on, by digests: enough to see later that one of
 * them has been revoked, or that its CA is no longer trusted. */
struct lineage {
    uint8_t number[LINEAGE_ID_BYTES]; /* of issuer and serial number, as CRLs name it */
    uint8_t key[LINEAGE_ID_BYTES];    /* of the SubjectPublicKeyInfo */
};

/* What is kept of a verified client certificate; rides in session tickets too. One allocation:
 * the texts and lists point behind the struct. */
struct identity_certificate {
    const char *subject; /* "CN=meter-7,O=Example" */
    const char *issuer;
    const char *common_name; /* empty: none */
    const char *serial;      /* hexadecimal */
    const char *fingerprint_sha256;
    const char *spki_sha256;
    const char *key; /* "RSA", "P-256", "Ed25519", or an OID */
    unsigned key_bits;
    const char *signature_algorithm; /* "ECDSA-SHA256", "RSA-SHA256", or an OID */
    const char *const *usages;       /* extended: "clientAuth", "serverAuth", or an OID */
    size_t usages_count;
    const struct lineage *lineage; /* the leaf's, then up to a configured CA's */
    size_t lineage_count;
    const char *const *san_dns;
    const char *const *san_uri;
    const char *const *san_email;
    size_t san_dns_count;
    size_t san_uri_count;
    size_t san_email_count;
    time_t not_before;
    time_t not_after;
};

enum { IDENTITY_LARGEST_ENCODED = 1024, IDENTITY_MOST_ENCODED_NAMES = 64 };

/* Gives what is kept of `certificate` (free) and of its lineage, which are borrowed; NULL: out of
 * memory. */
struct identity_certificate *identity_certificate_new(const struct certificate *certificate,
                                                      const struct lineage *lineage, size_t count);
/* Gives a copy of all that `source` points to (free), or NULL: out of memory. */
struct identity_certificate *identity_certificate_copy(const struct identity_certificate *source);
/* Writes it for a session ticket. False, and nothing is written: it is larger than
 * IDENTITY_LARGEST_ENCODED or than the room, or has more than IDENTITY_MOST_ENCODED_NAMES. */
MUST_USE bool identity_certificate_encode(struct bytes_writer *out,
                                          const struct identity_certificate *certificate);
/* Gives what was encoded (free), or NULL: it is not whole. */
struct identity_certificate *identity_certificate_decode(struct bytes *in);

enum identity_tls_version { IDENTITY_TLS_1_2 = 12, IDENTITY_TLS_1_3 = 13 };

struct facts {
    struct in6_addr source; /* IPv4-mapped for IPv4; all zero for a unix socket */
    unsigned tls_version;   /* enum identity_tls_version */
    struct span server_name;
    const struct identity_certificate *certificate; /* NULL: the client sent none */
    unsigned mqtt_version;                          /* enum mqtt_version */
    struct span client_id;
    struct span username;
    bool has_username;
    /* For what is written to the broker only; no rule looks at these. */
    const char *listener;
    const char *tls_cipher;
    const char *tls_group;
};
