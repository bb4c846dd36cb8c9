// SPDX-License-Identifier: GPL-3.0-or-later
/* Small work on text: escaping, globs, the nearest word. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Writes `in` into `out` (always ends it with NUL, cuts what does not fit), with every byte that
 * is no printable UTF-8 text as \xNN, and \ and " with a backslash. Returns the length written. */
size_t text_escape(char *out, size_t room, struct span in);
/* The same, but quotes and backslashes stay: for a sentence that is shown and not read back. */
size_t text_printable(char *out, size_t room, const char *in);
/* The same by the rules of JSON strings (RFC 8259, 7); bytes that are no UTF-8 become U+FFFD. */
size_t text_escape_json(char *out, size_t room, struct span in);
/* Matches `*` (any run, also none) and `?` (one byte). Linear in time but for `*`, which costs
 * at most pattern times text; never recursive. */
bool text_glob(struct span pattern, struct span text);
/* ASCII without regard to case. */
bool text_equal_nocase(struct span a, struct span b);
/* The candidate that is likeliest meant by `word` (edit distance at most a third of its length,
 * at least 1), or NULL. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);
/* Well-formed UTF-8 (RFC 3629); NUL is allowed here. */
bool text_is_utf8(struct span in);
/* Lower-case hexadecimal; `out` has room for 2 * in.length + 1. */
void text_hex(char *out, struct span in);

enum { TEXT_DURATION_ROOM = 32 };
/* "3 days", "5 hours", "1 minute": a span of time for people, rounded down. */
const char *text_duration(char out[static TEXT_DURATION_ROOM], int64_t seconds);
