// SPDX-License-Identifier: GPL-3.0-or-later
/* Why a client's chain does not verify, in words for whoever has to mend it. Pure: verifies nothing
 * that anybody relies on, but looks at the same things in the order in which they can be mended. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/bytes.h"
#include "certs/crl.h"
#include "certs/x509.h"

enum diagnosis_cause {
    DIAGNOSIS_GOOD,
    DIAGNOSIS_NONE_SENT,
    DIAGNOSIS_UNREADABLE,
    DIAGNOSIS_CHAIN_TOO_LONG,
    DIAGNOSIS_SELF_SIGNED,
    DIAGNOSIS_UNKNOWN_ISSUER,
    DIAGNOSIS_BAD_SIGNATURE,
    DIAGNOSIS_NOT_A_CA,
    DIAGNOSIS_PATH_LENGTH,
    DIAGNOSIS_EXPIRED,
    DIAGNOSIS_NOT_YET_VALID,
    DIAGNOSIS_USAGE,
    DIAGNOSIS_WEAK_KEY,
    DIAGNOSIS_CRL_MISSING,
    DIAGNOSIS_CRL_OUTDATED,
    DIAGNOSIS_REVOKED
};

enum { DIAGNOSIS_ROOM = 768 };

struct diagnosis {
    enum diagnosis_cause cause;
    char sentence[DIAGNOSIS_ROOM]; /* one line: what is wrong, with names, and what to do */
};

struct diagnosis_question {
    const struct span *chain; /* DER, as the client sent it, the leaf first */
    size_t count;
    const struct x509 *authorities; /* the certificates of client_ca */
    size_t authorities_count;
    const struct crl *crls; /* those of client_crl; none: revocation is not looked at */
    size_t crls_count;
    bool allow_outdated;
    unsigned max_chain_depth;
    time_t now;
};

/* The first cause, from the leaf to the root. */
struct diagnosis diagnose(const struct diagnosis_question *question);
