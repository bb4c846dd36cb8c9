// SPDX-License-Identifier: GPL-3.0-or-later
/* What the admin address shows as JSON; docs/admin.md explains each member. Each gives a text
 * (free) and its length, or NULL: out of memory. */
#pragma once

#include <stddef.h>

#include "proxy/admin/board.h"

char *status_view(struct board *board, size_t *length);
char *sessions_view(struct board *board, const struct session_query *query, size_t *length);
char *certificates_view(struct board *board, size_t *length);
char *backends_view(struct board *board, size_t *length);
/* Samples from after number `after` on. */
char *history_view(struct board *board, uint64_t after, size_t *length);
