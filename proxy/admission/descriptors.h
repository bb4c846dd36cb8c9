// SPDX-License-Identifier: GPL-3.0-or-later
/* The file descriptors of this process. Each client claims what it may need from its accept to its
 * end, so that one who has been let in can also be served, and some stay free for the log, the
 * admin address and reloads. Thread: any. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"

/* Reads the limit and counts what is open already; until then every claim is granted. Due once
 * everything but the clients has been opened. */
void descriptors_start(void);
/* Takes what is needed for counting them later, while that is allowed. */
void descriptors_look(void);
/* How many are open now; 0: nobody knows. */
unsigned long descriptors_open(void);
/* False: too few are left. */
MUST_USE bool descriptors_claim(unsigned count);
void descriptors_release(unsigned count);
/* What the process may have. */
unsigned long descriptors_limit(void);
