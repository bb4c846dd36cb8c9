// SPDX-License-Identifier: GPL-3.0-or-later
/* Reads whole small files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"

/* What `path: Permission denied` is followed by from now on; a constant. Before there are threads.
 */
void file_explain_denial(const char *sentence);
/* The reason of a failed open for people: errno's words, and the sentence from above if it applies.
 */
const char *file_error(int error);
/* Gives the content (free; a NUL follows it) and its length in bytes. NULL: the sentence names the
 * path and the reason; also when it is longer than `largest` bytes or not a regular file. */
uint8_t *file_read(const char *path, size_t largest, size_t *length, struct err *err);
