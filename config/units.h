// SPDX-License-Identifier: GPL-3.0-or-later
/* Values with a unit, and the other small forms of text: numbers, switches, dates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/err.h"

enum { UNITS_TEXT_ROOM = 32 };

/* Each reads the whole of `text`; false: told why and what is expected. */

/* Digits alone. */
MUST_USE bool units_number(const char *text, uint64_t *out, struct err *err);
/* true, false, yes, no, on, off, in any case. */
MUST_USE bool units_bool(const char *text, bool *out, struct err *err);
/* 250ms 10s 5m 2h 7d, and 0. */
MUST_USE bool units_duration(const char *text, uint64_t *out_ms, struct err *err);
/* 512 512B 64KiB 1MiB 2GiB; bytes. */
MUST_USE bool units_size(const char *text, uint64_t *out, struct err *err);
/* 2027-06-30, the first second of it in UTC, or RFC 3339: 2027-06-30T12:00:00Z, +02:00. */
MUST_USE bool units_date(const char *text, time_t *out, struct err *err);

/* Write the shortest exact form into `out`, UNITS_TEXT_ROOM large. */
void units_duration_text(char *out, uint64_t ms);
void units_size_text(char *out, uint64_t bytes);
