// SPDX-License-Identifier: GPL-3.0-or-later
/* What a server's chain is like, link by link, and whether a client could verify it. */
#pragma once

#include <jansson.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct chain_question {
    const struct span *chain; /* DER, as sent, the leaf first */
    size_t count;
    const char *authorities; /* path of what the client trusts */
    struct span stapled;     /* an OCSP answer, DER; empty: none */
    const char *name;        /* that the leaf must be for: a DNS name or an IP address */
    time_t now;
};

/* Gives { "links": [...], "verified": bool, "root": {...}, "missing": {...}, "ocsp": "...",
 * "problems": [...] } (json_decref); the first problem is the one to mend first. */
json_t *chain_report(const struct chain_question *question);
