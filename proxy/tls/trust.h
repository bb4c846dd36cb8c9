// SPDX-License-Identifier: GPL-3.0-or-later
/* What a listener trusts for client certificates: the CA file and the CRLs. Immutable and
 * reference-counted: threads share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "certs/diagnose.h"
#include "config/config.h"
#include "proxy/identity.h"
#include "proxy/tls/failure.h"

struct tls_trust;

/* Gives what the settings name (tls_trust_unref). A CA that a CRL revokes is left out. NULL: the
 * sentence names the file and what is wrong. */
struct tls_trust *tls_trust_new(const struct config_tls *config, struct err *err);
struct tls_trust *tls_trust_ref(struct tls_trust *trust);
void tls_trust_unref(struct tls_trust *trust);
/* Lends the trusted certificates, PEM. */
struct span tls_trust_authorities(const struct tls_trust *trust);
/* A digest of the trusted certificates, 32 bytes, lent: contexts that were made with the same one
 * serve on. */
const uint8_t *tls_trust_digest(const struct tls_trust *trust);
/* Checks the certificate of `length` bytes (DER) against the CRLs at `now`. False: `failure` says
 * revoked, missing or outdated. */
MUST_USE bool tls_trust_check(const struct tls_trust *trust, const uint8_t *der, size_t length,
                              time_t now, struct tls_failure *failure);
/* Whether the CRLs are still in force; always, when outdated ones are allowed or none is used. */
bool tls_trust_is_current(const struct tls_trust *trust, time_t now);

/* Why a chain of `count` certificates, the leaf first, does not verify by this trust, in words. */
struct diagnosis tls_trust_diagnose(const struct tls_trust *trust, const struct span *chain,
                                    size_t count, unsigned max_chain_depth, time_t now);
/* The lineage of a chain that has been verified: `count` certificates, the leaf first, and the CA
 * of the configuration that it ends in. Gives how many of the LINEAGE_MOST at `out` are filled; 0:
 * it is longer, or one of them cannot be read. */
size_t tls_trust_lineage(const struct tls_trust *trust, const struct span *chain, size_t count,
                         struct lineage out[LINEAGE_MOST]);
/* Judges a chain that was verified by other CAs and CRLs than these: whether a CA in it is trusted
 * here, and none of it revoked. Dates are not looked at. False: `failure` says why. */
MUST_USE bool tls_trust_recheck(const struct tls_trust *trust,
                                const struct identity_certificate *identity,
                                struct tls_failure *failure);
