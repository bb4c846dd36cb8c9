// SPDX-License-Identifier: GPL-3.0-or-later
/* What the certificate files of a listener say, kept for those who ask: metrics and reports. Nobody
 * is judged by it. Immutable. */
#pragma once

#include <stddef.h>
#include <time.h>

#include "base/attributes.h"
#include "base/err.h"
#include "certs/certificate.h"
#include "config/config.h"

/* The certificates of one file, in its order. */
struct credential_file {
    const char *path; /* the configuration's */
    struct certificate *items;
    size_t count;
};

struct credential_crl {
    const char *path; /* the configuration's */
    char *issuer;
    time_t this_update;
    time_t next_update; /* 0: it does not say */
    size_t revoked;     /* how many certificates it lists */
};

struct credentials {
    struct credential_file *chains; /* as the `certificates` of the configuration */
    size_t chains_count;
    struct credential_file authorities; /* client_ca; empty: none */
    struct credential_crl *crls;
    size_t crls_count;
};

/* Gives what the files say now (credentials_free); borrows the paths of `config`. NULL: told why.
 */
struct credentials *credentials_new(const struct config_tls *config, struct err *err);
/* NULL is fine. */
void credentials_free(struct credentials *credentials);
