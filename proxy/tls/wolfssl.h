// SPDX-License-Identifier: GPL-3.0-or-later
/* wolfSSL's headers in the order in which they must come. */
#pragma once

#ifdef POSTERN_SYSTEM_WOLFSSL
#include <wolfssl/options.h>
#endif
#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/hash.h>

#ifndef POSTERN_SYSTEM_WOLFSSL
/* Of wolfssl/internal.h, whose other names are none of ours. */
int SendAlert(WOLFSSL *ssl, int severity, int type);
#endif
