// SPDX-License-Identifier: GPL-3.0-or-later
/* What one certificate says, as text and numbers: for policies, logs and people. Nothing here
 * says that it is genuine or in force. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"

enum certificate_key {
    CERTIFICATE_KEY_OTHER,
    CERTIFICATE_KEY_RSA,
    CERTIFICATE_KEY_ECDSA,
    CERTIFICATE_KEY_ED25519
};

/* Bits of key_usage (RFC 5280, 4.2.1.3), in the order of the standard. */
enum {
    CERTIFICATE_DIGITAL_SIGNATURE = 1 << 0,
    CERTIFICATE_KEY_ENCIPHERMENT = 1 << 2,
    CERTIFICATE_KEY_CERT_SIGN = 1 << 5,
    CERTIFICATE_CRL_SIGN = 1 << 6
};

struct certificate_names {
    const char *const *items;
    size_t count;
};

/* One allocation; all texts are UTF-8 and lent until certificate_clear. */
struct certificate {
    const char *subject;     /* RFC 4514: "CN=meter-7,O=Example"; control characters as \XX */
    const char *issuer;      /* likewise */
    const char *common_name; /* the most specific one; empty: none, or no text */
    const char *serial;      /* hexadecimal, lower-case, without leading zeros */
    struct certificate_names san_dns;
    struct certificate_names san_uri;
    struct certificate_names san_email;
    struct certificate_names san_ip; /* "192.0.2.1", "2001:db8::1" */
    const char *subject_key_id;      /* hexadecimal; empty: none */
    const char *authority_key_id;    /* likewise */
    char fingerprint_sha256[65];     /* of the DER, hexadecimal, lower-case */
    char spki_sha256[65];            /* of the SubjectPublicKeyInfo */
    time_t not_before;
    time_t not_after;
    enum certificate_key key;
    unsigned key_bits;
    const char *key_name; /* "P-256", "RSA", "Ed25519", or an OID */
    bool is_ca;
    int path_length; /* -1: no limit */
    bool has_key_usage;
    unsigned key_usage;
    bool has_extended_key_usage;
    struct certificate_names extended_key_usage; /* "clientAuth", "serverAuth", or OIDs */
    const char *signature_algorithm; /* "ECDSA-SHA256", "RSA-SHA256", "Ed25519", or an OID */
    bool client_auth;                /* the extended key usage allows it, or there is none */
    bool server_auth;
    void *memory;
};

/* Reads `length` bytes of DER, which are not kept. certificate_clear. False: it is no certificate
 * (RFC 5280), its CN or SAN has an embedded NUL, its SAN is no text, or out of memory; nothing to
 * clear then. */
MUST_USE bool certificate_read(struct certificate *out, const uint8_t *der, size_t length);
void certificate_clear(struct certificate *certificate);
