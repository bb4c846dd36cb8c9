// SPDX-License-Identifier: GPL-3.0-or-later
/* So many a second, with a second's worth at once: a token bucket that may go into debt, so that
 * what has been read already is never thrown away. Pure. */
#pragma once

#include <stdint.h>

struct rate {
    uint64_t per_second; /* 0: any number */
    int64_t milli;       /* thousandths of a token that are left */
    uint64_t last_ms;
};

void rate_init(struct rate *rate, uint64_t per_second, uint64_t now_ms);
/* Takes `count` and gives for how many ms nothing more may be taken; 0: go on. */
uint64_t rate_take(struct rate *rate, uint64_t count, uint64_t now_ms);
