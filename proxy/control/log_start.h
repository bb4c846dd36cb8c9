// SPDX-License-Identifier: GPL-3.0-or-later
/* The log file of a process that is root for a while. */
#pragma once

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"

/* Opens the log of `config`. Root that is to become a user opens the file as that user, so that a
 * link of theirs leads nowhere where they could not write themselves; and as root, to give it to
 * them, only where they have no hand in any directory on the way. Before there is a second thread.
 */
MUST_USE bool log_start(const struct config *config, struct err *err);
