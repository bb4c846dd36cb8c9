// SPDX-License-Identifier: GPL-3.0-or-later
/* Distinguished names (RFC 5280, 4.1.2.4) as text. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/bytes.h"

/* Writes a Name (DER, with its header) as RFC 4514 has it: the most specific part first, what is
 * special with a backslash, control characters as \XX, values that are no text as #hex. No NUL
 * behind it. False: it is no Name, or `out` is full. */
MUST_USE bool name_format(struct bytes_writer *out, struct span name);
/* Writes the value of the most specific CN as it is, UTF-8; nothing when there is none, or it is no
 * text of up to 1 KiB. False: it is no Name, the CN has an embedded NUL, or `out` is full. */
MUST_USE bool name_common(struct bytes_writer *out, struct span name);
/* Writes an OID's content as "2.5.4.3". */
void name_put_oid(struct bytes_writer *out, struct span oid);
