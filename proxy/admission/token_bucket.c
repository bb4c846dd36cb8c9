// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admission/token_bucket.h"

enum { SECOND_US = 1000000 };

static uint64_t interval_us(uint64_t per_second)
{
    return per_second >= SECOND_US ? 1 : SECOND_US / per_second;
}

/* A bucket that is full at T has (T - now) / interval tokens fewer than it can hold. */
uint64_t token_bucket_take(struct token_bucket *bucket, uint64_t per_second, uint64_t now_us)
{
    uint64_t interval = interval_us(per_second);
    uint64_t room = per_second < 20 ? 0 : (per_second / 10 - 1) * interval;
    uint_fast64_t seen = atomic_load_explicit(&bucket->full_at_us, memory_order_relaxed);
    for (;;) {
        uint64_t full_at = seen > now_us ? seen : now_us;
        if (full_at - now_us > room) return (full_at - now_us - room + 999) / 1000;
        if (atomic_compare_exchange_weak_explicit(&bucket->full_at_us, &seen, full_at + interval,
                                                  memory_order_relaxed, memory_order_relaxed))
            return 0;
    }
}

void token_bucket_return(struct token_bucket *bucket, uint64_t per_second)
{
    (void)atomic_fetch_sub_explicit(&bucket->full_at_us, interval_us(per_second),
                                    memory_order_relaxed);
}
