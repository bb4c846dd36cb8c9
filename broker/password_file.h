// SPDX-License-Identifier: GPL-3.0-or-later
/* Who may log in: a line for each user, NAME:HASH (see password.h). Empty lines and lines that
 * begin with # mean nothing. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"

struct password_file;

/* Gives the users of the file (password_file_free). NULL: told why, with the line. */
struct password_file *password_file_load(const char *path, struct err *err);
void password_file_free(struct password_file *users);
size_t password_file_count(const struct password_file *users);
/* Lends the hash of a user's password, or NULL: there is no such user. */
const char *password_file_find(const struct password_file *users, struct span name);
/* Whether somebody may be called so: not empty, at most 1024 bytes of printable text, no colon, no
 * # in front. */
bool password_file_name_is_valid(struct span name);
/* Sets the hash of a user, or removes the user when `hash` is NULL, in the file, which is replaced
 * as a whole (mode 0600, its owner kept) and made where it is not there. False: told why. */
MUST_USE bool password_file_set(const char *path, const char *name, const char *hash,
                                struct err *err);
