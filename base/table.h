// SPDX-License-Identifier: GPL-3.0-or-later
/* uthash with a keyed hash: what clients name (ids, topics) must not let them choose collisions. */
#pragma once

#include <stdlib.h>

#include "base/hash.h"

#define HASH_FUNCTION(key, length, value) (value) = hash_keyed((key), (length))
/* No memory, also for a table that has to grow: the item is not added, and its `hh.tbl` is NULL. */
#define HASH_NONFATAL_OOM 1

#include <uthash.h>
