// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/guard/rate.h"

void rate_init(struct rate *rate, uint64_t per_second, uint64_t now_ms)
{
    *rate = (struct rate){per_second, (int64_t)(per_second * 1000), now_ms};
}

uint64_t rate_take(struct rate *rate, uint64_t count, uint64_t now_ms)
{
    if (rate->per_second == 0) return 0;
    int64_t most = (int64_t)(rate->per_second * 1000);
    uint64_t passed_ms = now_ms - rate->last_ms;
    rate->last_ms = now_ms;
    /* An hour fills every bucket, and keeps the product small. */
    if (passed_ms > 3600000) passed_ms = 3600000;
    rate->milli += (int64_t)(passed_ms * rate->per_second);
    if (rate->milli > most) rate->milli = most;
    rate->milli -= (int64_t)(count * 1000);
    if (rate->milli >= 0) return 0;
    return (uint64_t)-rate->milli / rate->per_second + 1;
}
