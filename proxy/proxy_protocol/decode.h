// SPDX-License-Identifier: GPL-3.0-or-later
/* Reads a PROXY protocol header, version 1 or 2, in front of a stream. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "proxy/proxy_protocol/header.h"

enum { PROXY_HEADER_MOST = 16 + 4096 /* what is read of one at most */ };

enum proxy_status {
    PROXY_OK,
    PROXY_NEED_MORE,
    PROXY_NOT_THERE, /* the stream begins with something else */
    PROXY_MALFORMED, /* it begins like one, and is none */
    PROXY_TOO_LARGE
};

/* Decodes the header at the start of `length` bytes; `*taken` is its length. TLVs are walked and
 * not kept. A route that is not TCP over IP, and the command LOCAL, give a route that is not known.
 */
MUST_USE enum proxy_status proxy_header_decode(struct proxy_route *out, const uint8_t *data,
                                               size_t length, size_t *taken);
