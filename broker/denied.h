// SPDX-License-Identifier: GPL-3.0-or-later
/* The topics that nobody may read: `subscribe_deny`. A subscription within them is refused, and a
 * wider one does not bring them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"

struct broker_access;

/* Zero-initialised: none. */
struct denied {
    struct span *filters; /* their texts lie behind them */
    size_t count;
};

/* Copies the filters. False: out of memory. */
MUST_USE bool denied_set(struct denied *denied, const struct broker_access *access,
                         struct err *err);
void denied_clear(struct denied *denied);
/* Whether all that `filter` (valid, perhaps shared) matches is denied. */
bool denied_filter(const struct denied *denied, struct span filter);
bool denied_topic(const struct denied *denied, struct span topic);
