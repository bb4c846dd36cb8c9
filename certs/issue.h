// SPDX-License-Identifier: GPL-3.0-or-later
/* Makes certificates and CRLs (RFC 5280) as DER: for a development PKI, not for the public one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "certs/der.h"
#include "certs/key_pair.h"

enum { ISSUE_SERIAL_BYTES = 16, ISSUE_NAME_MAX = 64 };

/* Who signs. */
struct issue_authority {
    struct span certificate; /* DER */
    struct key_pair *key;
};

/* What is asked for; all texts are borrowed. */
struct issue_request {
    const char *common_name;  /* up to ISSUE_NAME_MAX bytes of UTF-8 */
    const char *organization; /* likewise; NULL: none */
    bool is_ca;
    int path_length; /* of a CA; -1: no limit */
    bool client_auth;
    bool server_auth;
    const char *const *names; /* DNS names and IP addresses for the SAN */
    size_t names_count;
    const char *uri; /* for the SAN; NULL: none */
    time_t not_before;
    time_t not_after;
};

/* Appends a certificate of `subject`, signed by `authority` (NULL: by itself), with a random
 * serial. False: the sentence says which name is wrong, or that it could not be signed. */
MUST_USE bool issue_certificate(struct der_writer *out, const struct issue_request *request,
                                struct key_pair *subject, const struct issue_authority *authority,
                                struct err *err);

struct issue_revoked {
    struct span serial;
    time_t when;
};

/* Appends the complete CRL of `authority`. */
MUST_USE bool issue_crl(struct der_writer *out, const struct issue_authority *authority,
                        uint64_t number, time_t this_update, time_t next_update,
                        const struct issue_revoked *revoked, size_t count, struct err *err);
/* Whether the text may be a DNS name (one `*.` in front allowed) or is an IP address. */
bool issue_is_host(const char *text);
