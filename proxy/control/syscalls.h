// SPDX-License-Identifier: GPL-3.0-or-later
/* Which system calls this process may use from now on (seccomp): those that serving needs. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/err.h"

/* In all threads. Others fail with EPERM: a library that tries one does without, and nobody is cut
 * off by a call that we did not foresee. False: told why. */
MUST_USE bool syscalls_restrict(struct err *err);
