// SPDX-License-Identifier: GPL-3.0-or-later
/* Named sets of cipher suites and groups, and wolfSSL's names for them. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"

enum { TLS_PROFILE_CIPHERS_ROOM = 1024, TLS_PROFILE_MOST_GROUPS = 10 };

struct tls_profile {
    char ciphers[TLS_PROFILE_CIPHERS_ROOM]; /* for wolfSSL_CTX_set_cipher_list */
    int groups[TLS_PROFILE_MOST_GROUPS];    /* for wolfSSL_CTX_set_groups, in order of preference */
    int groups_count;
};

/* From the listener's profile, cipher_suites, groups and versions. False: the sentence says which
 * name this build cannot do. */
MUST_USE bool tls_profile_choose(struct tls_profile *out, const struct config_tls *config,
                                 struct err *err);
/* wolfSSL's name of a group in the words of RFC 8446 and of the configuration: "P-256"; NULL stays
 * NULL. Lends. */
const char *tls_profile_group(const char *name);
