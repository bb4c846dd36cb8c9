// SPDX-License-Identifier: GPL-3.0-or-later
/* Reads whole small files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"

/* Gives the content (free; a NUL follows it) and its length in bytes. NULL: the sentence names the
 * path and the reason; also when it is longer than `largest` bytes or not a regular file. */
uint8_t *file_read(const char *path, size_t largest, size_t *length, struct err *err);
