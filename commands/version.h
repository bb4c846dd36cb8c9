// SPDX-License-Identifier: GPL-3.0-or-later
/* What this build is made of, for `postern version` and the line at the start of `run`. */
#pragma once

#include <stddef.h>

enum { VERSION_CRYPTO_ROOM = 128 };

/* "AES-NI, AVX2, SP assembly": what the library was built with and this processor has; or
 * "not accelerated (...)" with the reason. Cut to `room`. */
void version_crypto(char *out, size_t room);
