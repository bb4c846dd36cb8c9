// SPDX-License-Identifier: GPL-3.0-or-later
/* Sees that files have changed, by asking for their status now and then: a file that was written,
 * replaced, or that a symbolic link on the way to it now leads to, however it is mounted. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "config/config.h"

struct watch;

/* Gives a watch (watch_free) on the file of `config`, as it was before it was read, and on every
 * file that it names, as they are now: it is made before those are read. NULL: out of memory. */
struct watch *watch_new(const struct config *config);
void watch_free(struct watch *watch);
/* Calls `each` with the path of every file. */
void watch_each(const struct watch *watch, void (*each)(void *arg, const char *path), void *arg);
/* Lends the path of a file that is another one than at the last time that this told so, or NULL.
 * One that is being written to is told when two calls have found it the same. */
const char *watch_poll(struct watch *watch);
