// SPDX-License-Identifier: GPL-3.0-or-later
/* Certificates and folders that tests make for themselves. */
#pragma once

#include "certs/issue.h"
#include "certs/x509.h"

/* A certificate with its key. */
struct made {
    struct der_writer der;
    struct x509 parts;
    struct key_pair *key;
};

/* A request that is valid from a minute ago for an hour. */
struct issue_request made_request(const char *common_name);
/* Signed by `issuer`, or by itself when that is NULL. */
struct made made_certificate(const struct issue_request *request, const struct made *issuer);
void made_clear(struct made *made);
struct issue_authority made_authority(const struct made *made);

/* A folder under /tmp; it and its files go with temporary_remove. */
struct temporary {
    char path[64];
};
struct temporary temporary_make(void);
void temporary_remove(const struct temporary *folder);
/* Lends "FOLDER/NAME" until the eighth call after. */
const char *temporary_file(const struct temporary *folder, const char *name);
/* Writes certificates (and a key, unless NULL) as PEM. */
void temporary_write_chain(const char *path, const struct made *const *chain, size_t count);
void temporary_write_key(const char *path, const struct made *made);
