// SPDX-License-Identifier: GPL-3.0-or-later
/* What a listener trusts for client certificates: the CA file and the CRLs. Immutable. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/tls/failure.h"

struct tls_trust;

/* Gives what the settings name (tls_trust_free). A CA that a CRL revokes is left out. NULL: the
 * sentence names the file and what is wrong. */
struct tls_trust *tls_trust_new(const struct config_tls *config, struct err *err);
void tls_trust_free(struct tls_trust *trust);
/* Lends the trusted certificates, PEM. */
struct span tls_trust_authorities(const struct tls_trust *trust);
/* A digest of all that was loaded, 32 bytes, lent: another one means that old verdicts are void. */
const uint8_t *tls_trust_digest(const struct tls_trust *trust);
/* Checks the certificate of `length` bytes (DER) against the CRLs at `now`. False: `failure` says
 * revoked, missing or outdated. */
MUST_USE bool tls_trust_check(const struct tls_trust *trust, const uint8_t *der, size_t length,
                              time_t now, struct tls_failure *failure);
/* Whether the CRLs are still in force; always, when outdated ones are allowed or none is used. */
bool tls_trust_is_current(const struct tls_trust *trust, time_t now);
