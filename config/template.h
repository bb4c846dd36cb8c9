// SPDX-License-Identifier: GPL-3.0-or-later
/* `${...}` in values: the environment is filled in when the file is read; other names only where
 * a key takes them, and those stay for the time when a client is there. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/arena.h"

/* Lends, from `arena`, `text` with `${env.NAME}` and `${env.NAME:-default}` filled in and `$$`
 * made `$`. With `names` (the other names that are taken here) the outcome is a template instead:
 * `${name}` stays as it is and every dollar that is meant as one, also from the environment, is
 * `$$`. NULL: told why. */
MUST_USE char *template_expand(struct arena *arena, const char *text, const char *const *names,
                               size_t count, struct err *err);
