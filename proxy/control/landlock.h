// SPDX-License-Identifier: GPL-3.0-or-later
/* Which files this thread, and those that it starts, may open from now on (Landlock). */
#pragma once

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"

/* Allows reading what `config` names and its neighbours, so that a file may be replaced; the
 * system's own files that names are resolved by; writing beside the log file and the unix sockets.
 * Gives the version of the kernel's Landlock, 0: it has none, or -1: told why it failed. */
int landlock_enter(const struct config *config, struct err *err);
