// SPDX-License-Identifier: GPL-3.0-or-later
/* uthash with a keyed hash: what clients name (ids, topics) must not let them choose collisions. */
#pragma once

#include <stdlib.h>

#include "base/hash.h"

#define HASH_FUNCTION(key, length, value) (value) = hash_keyed((key), (length))
#define uthash_fatal(text)                abort() /* no memory: what hangs on it is lost */

#include <uthash.h>
