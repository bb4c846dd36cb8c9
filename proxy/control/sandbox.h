// SPDX-License-Identifier: GPL-3.0-or-later
/* What the process takes from itself once everything is open, as the configuration says; the log
 * tells how far this kernel goes along. Before there is a second thread. */
#pragma once

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"

/* False: what the kernel has could not be had, told why. */
MUST_USE bool sandbox_enter(const struct config *config, struct err *err);
