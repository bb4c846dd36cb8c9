// SPDX-License-Identifier: GPL-3.0-or-later
/* What the process may do: as little as possible, after the sockets are bound. */
#pragma once

#include <pwd.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"

/* Raises the soft limit of descriptors to the hard one, has the kernel make room for them, and
 * switches core dumps off, since they would hold keys. Gives the limit of descriptors. Before there
 * is a second thread. */
unsigned long privileges_prepare(void);
/* The entry of `user`, lent until the next one is asked for; NULL: there is none. */
const struct passwd *privileges_user(const char *user, struct err *err);
/* Becomes `user`, with its groups, when started as root; NULL or not root: nothing to do. */
MUST_USE bool privileges_drop(const char *user, struct err *err);
/* Logs what is to be mended: that we serve as root, or that a file of `config` was readable for
 * root only, which shows when its successor is to be loaded. After privileges_drop. */
void privileges_warn(const struct config *config);
/* Gives up what serving does not need, for good: new rights by executing something, and
 * capabilities but for those that a reload may need. Nobody may look into our memory from now on.
 */
void privileges_reduce(void);
/* Keeps the heap, in which keys are, from being swapped out; pages that nobody touches cost
 * nothing. To be repeated when keys have been loaded. False: RLIMIT_MEMLOCK does not allow it. */
bool privileges_lock_memory(void);
