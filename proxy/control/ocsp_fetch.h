// SPDX-License-Identifier: GPL-3.0-or-later
/* One question to an OCSP responder (RFC 6960, A.1), answered within a deadline. Blocks: for a
 * thread of its own. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"

/* Posts `request` to the http address `url`, and breaks off when `*stop` becomes true. Gives the
 * answer (free) and its length, or NULL: told why. */
uint8_t *ocsp_fetch(const char *url, struct span request, const atomic_bool *stop, size_t *length,
                    struct err *err);
