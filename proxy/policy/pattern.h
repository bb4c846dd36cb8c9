// SPDX-License-Identifier: GPL-3.0-or-later
/* Patterns against what clients say: globs, globs with ${...}, regular expressions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/config.h"
#include "proxy/identity.h"

/* Whether any of them matches; true for none. */
bool pattern_any(const struct config_patterns *patterns, struct span text);
/* The same for DNS names: without regard to case, and an empty name matches nothing. */
bool pattern_any_name(const struct config_patterns *patterns, struct span name);
/* Whether any of them matches, its globs with ${client_id}, ${username} and ${server_name} filled
 * in. What a client sent stands for itself: its client id "*" is a star, and no wildcard. A value
 * that is not there, or empty, matches nothing. */
bool pattern_any_filled(const struct config_patterns *patterns, const struct facts *facts,
                        struct span text);
/* Whether any of their globs has ${name} in it. */
bool pattern_names(const struct config_patterns *patterns, const char *name);

/* A set of the pairs of neighbouring bytes in a text, folded into 64 bits. What a glob is made of
 * must be in whatever it matches, so most texts are told from most globs by one operation. */
uint64_t pattern_pairs(struct span text);
/* The pairs that each text has which one of `patterns` matches; 0: nothing is known. With
 * `any_case`, as pattern_pairs sees lower case. */
uint64_t pattern_needs(const struct config_patterns *patterns, bool any_case);
