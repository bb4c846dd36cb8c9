// SPDX-License-Identifier: GPL-3.0-or-later
/* What has been counted and what is the case now, for Prometheus. docs/admin.md explains each. */
#pragma once

#include <stddef.h>

#include "proxy/admin/board.h"
#include "proxy/admin/exposition.h"

/* Gives the text (free) and its length, or NULL: out of memory. */
char *metrics_text(struct board *board, size_t *length);

/* The parts of it: of certificates, CRLs and the days of rules (metrics_files.c), of the process
 * (metrics_process.c). */
void metrics_files(struct exposition *out, const struct snapshot *snapshot);
void metrics_process(struct exposition *out, struct board *board);
