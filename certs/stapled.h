// SPDX-License-Identifier: GPL-3.0-or-later
/* A server's chain file as OCSP needs it: the leaf, and who issued it. */
#pragma once

#include "base/attributes.h"
#include "base/err.h"
#include "certs/ocsp.h"
#include "certs/pem.h"

struct stapled {
    struct pem file;
    struct x509 leaf;
    struct x509 issuer;
};

/* Reads a chain file. stapled_clear. False: told why; the issuer must be in the file too. */
MUST_USE bool stapled_load(struct stapled *out, const char *path, struct err *err);
void stapled_clear(struct stapled *stapled);
/* Reads a response (DER) from a file for it and checks it. Gives it (free) with its length, or
 * NULL: told why. A revoked certificate is an error too. */
uint8_t *stapled_answer_load(const struct stapled *stapled, const char *path, time_t now,
                             struct ocsp_answer *answer, size_t *length, struct err *err);
