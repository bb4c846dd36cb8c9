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
/* What a template of a policy may refer to. */
extern const struct names names_templates;
