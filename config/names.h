// SPDX-License-Identifier: GPL-3.0-or-later
/* The names of cipher suites (IANA) and groups that a configuration may list. */
#pragma once

#include <stddef.h>

struct names {
    const char *const *items;
    size_t count;
};

extern const struct names names_cipher_suites;
extern const struct names names_groups;
/* What the patterns of a policy may refer to: what the client says of itself. */
extern const struct names names_templates;
/* What is written into CONNECT and topics may refer to: all that is known of the client. */
extern const struct names names_identity;
