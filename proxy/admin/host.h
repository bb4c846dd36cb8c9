// SPDX-License-Identifier: GPL-3.0-or-later
/* By which names the admin address may be asked: a page in an operator's browser can have its own
 * name resolve to 127.0.0.1, and would be told everything as if it were ours (DNS rebinding). Such
 * a request says in its Host field by which name it came. Pure. */
#pragma once

#include <stdbool.h>

#include "config/config.h"

/* `host` is a Host field (RFC 9110, 7.2), NULL: there was none, which no browser does. True for an
 * IP address, localhost and all below it, the host of the admin address, and `names`; each with any
 * port. */
bool host_is_known(const struct config *config, const char *host);
