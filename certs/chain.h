// SPDX-License-Identifier: GPL-3.0-or-later
/* The order of certificates: who signed whom, and which one is missing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "certs/x509.h"

enum { CHAIN_MAX = 16 };

/* What can be built from the first certificate of a list by following issuers within the list. */
struct chain {
    size_t path[CHAIN_MAX]; /* indices into the list: the leaf (0), its issuer, its issuer, ... */
    size_t length;
    bool ordered;      /* the path is 0, 1, 2, ... */
    bool ends_in_root; /* the last one is self-signed */
    size_t unrelated;  /* certificates of the list that are not in the path */
};

/* Follows the issuers from certificates[0]; `count` is at least 1. */
void chain_follow(struct chain *out, const struct x509 *certificates, size_t count);
/* The index of a certificate in the list whose name and key signed `certificate`, or `count`. */
size_t chain_issuer_of(const struct x509 *certificate, const struct x509 *certificates,
                       size_t count);
