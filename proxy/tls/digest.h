// SPDX-License-Identifier: GPL-3.0-or-later
/* What a context is made of, and what its tickets stand on, as digests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/tls/ticket.h"
#include "proxy/tls/trust.h"

enum { TLS_DIGEST_BYTES = 32, TLS_DIGEST_LARGEST_FILE = 4 * 1024 * 1024 };

/* Of everything that tls_context_set_new would read: where it is that of a set, the set will do.
 * False: told why. */
MUST_USE bool tls_digest_inputs(uint8_t out[TLS_DIGEST_BYTES],
                                const struct config_listener *listener,
                                const struct ticket_keys *tickets, const struct tls_trust *trust,
                                struct err *err);
/* Of what a verdict stood on, and the certificate's `names`: a ticket that was given under others
 * is worth nothing. CRLs are not among it: a resumed session is looked up in those of now. `trust`
 * NULL: no client certificates. False: out of memory. */
MUST_USE bool tls_digest_binding(uint8_t out[TLS_DIGEST_BYTES],
                                 const struct config_listener *listener,
                                 const struct config_strings *names, const struct tls_trust *trust);
