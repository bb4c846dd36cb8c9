// SPDX-License-Identifier: GPL-3.0-or-later
/* The parts of a certificate (RFC 5280, 4.1) as spans into its DER, and signatures. Nothing is
 * copied: a `struct x509` lives as long as the DER that it was read from. */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct x509 {
    struct span der;     /* all of it */
    struct span tbs;     /* what is signed */
    struct span serial;  /* without leading zeros; at least one byte */
    struct span issuer;  /* a Name, with its header: equal bytes are equal names */
    struct span subject; /* likewise */
    time_t not_before;
    time_t not_after;
    struct span spki;                /* with its header */
    struct span extensions;          /* the Extension items; empty: none */
    struct span signature_algorithm; /* with its header */
    struct span signature;
};

/* Reads the structure; false: it is no certificate. Signatures are not looked at. */
MUST_USE bool x509_read(struct x509 *out, struct span der);
/* Lends the value of the extension whose OID has these DER bytes; false: there is none. */
bool x509_extension(const struct x509 *certificate, struct span oid, struct span *value,
                    bool *critical);
/* Whether the name of its issuer is its own. */
bool x509_is_self_issued(const struct x509 *certificate);
/* Whether `issuer`'s name and key are those that signed `certificate`. Looks at neither dates nor
 * constraints. */
bool x509_is_signed_by(const struct x509 *certificate, const struct x509 *issuer);
/* Whether `signature` over `tbs` is good by the key in `spki`: ECDSA (P-256, P-384, P-521), RSA
 * PKCS#1 1.5 and PSS, with SHA-256, 384 or 512, and Ed25519. */
bool x509_signature_holds(struct span tbs, struct span algorithm, struct span signature,
                          struct span spki);
