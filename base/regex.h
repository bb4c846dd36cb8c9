// SPDX-License-Identifier: GPL-3.0-or-later
/* Regular expressions that take time linear in the text, whatever they and it are: RE2's, whose
 * syntax has no back references and no look-around. Plain types only, because the other side of
 * this header is C++. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct regex;

/* Gives the compiled `pattern` (regex_free), or NULL: `why` (`room` bytes) says why in a sentence.
 * It takes 1 MiB of memory at most. */
struct regex *regex_new(const char *pattern, char *why, size_t room);
/* Whether all of the `length` bytes at `text` match. Threads may share a regex. */
bool regex_matches(const struct regex *regex, const char *text, size_t length);
void regex_free(struct regex *regex);

#ifdef __cplusplus
}
#endif
