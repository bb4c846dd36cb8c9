// SPDX-License-Identifier: GPL-3.0-or-later
/* Opens the log file again after a rotation, as often as it takes. */
#pragma once

#include <uv.h>

struct log_rotation {
    uv_timer_t retry; /* active while the last try has failed; closed with the loop's handles */
};

void log_rotation_init(struct log_rotation *rotation, uv_loop_t *loop);
/* What fails, for want of a descriptor perhaps, is told once and tried again every two seconds;
 * until then lines go to the old file. */
void log_rotation_reopen(struct log_rotation *rotation);
