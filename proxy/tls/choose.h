// SPDX-License-Identifier: GPL-3.0-or-later
/* Which of a listener's certificates a client gets: by its server name, then by what it can verify.
 */
#pragma once

#include "proxy/client_hello.h"
#include "proxy/tls/context.h"

/* The context for such a client, lent by the set; NULL: unknown server name, to be refused (RFC
 * 6066, 3). */
struct tls_context *tls_choose(const struct tls_context_set *set, const struct client_hello *hello);
