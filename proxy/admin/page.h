// SPDX-License-Identifier: GPL-3.0-or-later
/* The page for people: the files of page/, made a part of the binary (cmake/embed.cmake). */
#pragma once

#include <stddef.h>

enum { PAGE_NONCE_ROOM = 33 };

extern const char page_html[];
extern const size_t page_html_length;

/* Gives the page (free) with a fresh nonce for its script and style, which is written to `nonce`
 * too, and its length, or NULL: out of memory or of randomness. */
char *page_make(char nonce[static PAGE_NONCE_ROOM], size_t *length);
