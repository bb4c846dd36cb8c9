// SPDX-License-Identifier: GPL-3.0-or-later
/* The inventory as JSON and as CSV (RFC 4180). */
#pragma once

#include <stddef.h>

#include "proxy/inventory.h"

/* Which identities are shown. */
struct inventory_filter {
    const char *words; /* each of them must be there, whatever its case; NULL: any */
    size_t most;       /* the first ones that match */
};

/* Each gives a text (free) and its length, or NULL: out of memory. What clients sent is escaped. */
char *inventory_view_json(struct inventory *inventory, const struct inventory_filter *filter,
                          size_t *length);
char *inventory_view_csv(struct inventory *inventory, const struct inventory_filter *filter,
                         size_t *length);
