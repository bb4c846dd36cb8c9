// SPDX-License-Identifier: GPL-3.0-or-later
/* Salted hashes of passwords: argon2id in its usual text form, as `$argon2id$v=19$m=...`. Hashing
 * is slow and takes memory on purpose; both may be called from any thread. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"

enum {
    PASSWORD_HASH_ROOM = 128,
    PASSWORD_MEMORY_KIB = 19456, /* with two passes: what OWASP asks for at least */
    PASSWORD_PASSES = 2
};

/* Writes the hash of a password under a new salt. False: told why. */
MUST_USE bool password_hash(struct span password, char out[static PASSWORD_HASH_ROOM],
                            struct err *err);
/* Whether the hash is of this password; takes as long when it is not. */
bool password_matches(const char *hash, struct span password);
/* Whether the text is a hash of ours, whose costs are bearable: 1 GiB and 64 passes at most. */
bool password_hash_is_valid(const char *hash);
