// SPDX-License-Identifier: GPL-3.0-or-later
/* Which server names a certificate is for. Pure, but for reading the certificate. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "config/config.h"

/* Fills `names` (names_clear), lower-case: those of the configuration, or the certificate's SAN, or
 * its common name when it has no SAN; and says whether its key is RSA. `pem` is the chain's file.
 */
MUST_USE bool names_load(struct config_strings *names, bool *rsa,
                         const struct config_certificate *config, struct span pem, struct err *err);
void names_clear(struct config_strings *names);
/* `pattern` may begin with `*.`, which stands for one label (RFC 6125, 6.4.3). Both lower-case. */
bool names_match(const char *pattern, const char *name);
