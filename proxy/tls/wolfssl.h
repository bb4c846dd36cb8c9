// SPDX-License-Identifier: GPL-3.0-or-later
/* wolfSSL's headers in the order in which they must come. */
#pragma once

#ifdef POSTERN_SYSTEM_WOLFSSL
#include <wolfssl/options.h>
#endif
#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/hash.h>
