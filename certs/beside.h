// SPDX-License-Identifier: GPL-3.0-or-later
/* The files beside one of certificates, in which what that lacks may be. */
#pragma once

#include <stdbool.h>

/* Borrows `path`, in the folder of the other one. True: enough has been found. */
typedef bool beside_fn(void *arg, const char *path);

/* Calls `visit` for the files in the folder of `path`, itself among them, that by their names may
 * hold certificates, in no order; for the first 500 entries at most. None where the folder cannot
 * be read. */
void beside_visit(const char *path, beside_fn *visit, void *arg);
