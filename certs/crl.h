// SPDX-License-Identifier: GPL-3.0-or-later
/* Certificate revocation lists (RFC 5280, 5): complete ones of the CA that issued the
 * certificates. Delta, indirect and partitioned ones are not read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "certs/x509.h"

/* One allocation; everything is lent until crl_clear. */
struct crl {
    struct span issuer;      /* a Name, as in `struct x509` */
    const char *issuer_text; /* "CN=Dev Intermediate CA,O=Postern" */
    struct span number;      /* of the CRL, without leading zeros; empty: none */
    time_t this_update;
    time_t next_update;   /* 0: it does not say */
    struct span *revoked; /* serials, sorted */
    size_t revoked_count;
    struct span tbs;
    struct span signature_algorithm;
    struct span signature;
    void *memory;
};

/* Reads the DER of a CRL, which is copied. False: the sentence says what is wrong with it. */
MUST_USE bool crl_read(struct crl *out, struct span der, struct err *err);
void crl_clear(struct crl *crl);
/* Whether the CA has its name and its signature is good. */
bool crl_is_signed_by(const struct crl *crl, const struct x509 *ca);
/* Whether it is the list of the CA that `certificate` names as its issuer. */
bool crl_is_for(const struct crl *crl, const struct x509 *certificate);
/* Whether it lists the certificate: always false for one that it is not for. Logarithmic. */
bool crl_revokes(const struct crl *crl, const struct x509 *certificate);
/* When it revoked a certificate that it lists, and why (RFC 5280, 5.3.1), a static text. */
time_t crl_revoked_since(const struct crl *crl, const struct x509 *certificate,
                         const char **reason);
/* Whether thisUpdate <= now < nextUpdate; a list without nextUpdate is in force for ever. */
bool crl_is_current(const struct crl *crl, time_t now);
