// SPDX-License-Identifier: GPL-3.0-or-later
/* The admin address: HTTP for operators and their tools, on a few threads of its own. It only
 * reads. */
#pragma once

#include "base/attributes.h"
#include "base/err.h"
#include "proxy/admin/board.h"

struct admin;

/* Gives an admin server (admin_stop) that answers on `fd`, a listening socket, which it takes in
 * any case; borrows `board` until admin_stop. NULL: told why. */
struct admin *admin_start(int fd, struct board *board, struct err *err);
/* Accepts nobody any more, and answers those who are there. */
void admin_quiesce(struct admin *admin);
/* Waits for the answers that are under way. NULL is fine. */
void admin_stop(struct admin *admin);
