// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether clients should be sent here. */
#pragma once

#include "proxy/admin/board.h"

/* NULL: yes; otherwise why not, a static text. */
const char *readiness_problem(struct board *board);
