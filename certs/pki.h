// SPDX-License-Identifier: GPL-3.0-or-later
/* The development PKI in a folder, as `postern certs` keeps it:
 *   root-ca.pem intermediate-ca.pem ca.pem broker.pem broker.key client.pem client.key ca.crl
 *   private/root-ca.key private/intermediate-ca.key private/index.txt
 * Files appear whole or not at all; keys are readable by their owner only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "certs/certificate.h"

enum { PKI_DAYS_DEFAULT = 365, PKI_DAYS_MAX = 36500, PKI_NAMES_MAX = 64 };

/* How leaf certificates are made. */
struct pki_options {
    unsigned days;            /* they are valid for */
    enum certificate_key key; /* CERTIFICATE_KEY_ECDSA or _RSA */
};

/* Makes the folder and all of its files. `names` are the broker's DNS names and addresses; none:
 * localhost, 127.0.0.1 and ::1. Refuses where a CA is already. */
MUST_USE bool pki_init(const char *folder, const char *const *names, size_t count,
                       const struct pki_options *options, struct err *err);
/* Issues NAME.pem (with the intermediate) and NAME.key to a client; `uri` may be NULL. Replaces
 * what has the same name. */
MUST_USE bool pki_issue_client(const char *folder, const char *name, const char *uri,
                               const struct pki_options *options, struct err *err);
/* The same to a server: NAME is its DNS name or address. */
MUST_USE bool pki_issue_server(const char *folder, const char *name,
                               const struct pki_options *options, struct err *err);
/* Revokes all certificates that were issued to NAME, and writes ca.crl. */
MUST_USE bool pki_revoke(const char *folder, const char *name, struct err *err);
/* Writes ca.crl again, with new dates. */
MUST_USE bool pki_renew_crl(const char *folder, struct err *err);
