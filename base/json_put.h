// SPDX-License-Identifier: GPL-3.0-or-later
/* Members of JSON objects, by jansson. What cannot be kept for want of memory is left out. */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <time.h>

#include "base/bytes.h"

/* Takes `value`; NULL (no memory) is left out. */
void json_put(json_t *object, const char *name, json_t *value);
/* NULL becomes null; what is no UTF-8 is escaped as logs do it. */
void json_put_text(json_t *object, const char *name, const char *text);
void json_put_number(json_t *object, const char *name, uint64_t number);
void json_put_bool(json_t *object, const char *name, bool value);
/* "2026-11-25T08:00:00Z"; null for 0. */
void json_put_time(json_t *object, const char *name, time_t when);
/* Gives the text of `value`, which it takes, indented (free), and its length; NULL: out of memory.
 */
char *json_finish(json_t *value, size_t *length);
/* The same on one line, for what is long. */
char *json_finish_compact(json_t *value, size_t *length);
