// SPDX-License-Identifier: GPL-3.0-or-later
/* What the process may do: as little as possible, after the sockets are bound. */
#pragma once

#include "base/attributes.h"
#include "base/err.h"

/* Raises the soft limit of descriptors to the hard one, and switches core dumps off, since they
 * would hold keys. Gives the limit of descriptors. */
unsigned long privileges_prepare(void);
/* Becomes `user`, with its groups, when started as root; NULL or not root: nothing to do. */
MUST_USE bool privileges_drop(const char *user, struct err *err);
