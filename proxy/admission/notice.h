// SPDX-License-Identifier: GPL-3.0-or-later
/* A line of the log that is due now and then, however often its cause occurs. Thread: any. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised is "never said". */
struct notice {
    atomic_uint_fast64_t next_ms;
    atomic_uint_fast64_t count; /* of what happened since it was said */
};

/* It has happened. True: say it, and that it happened `*count` times. */
static inline bool notice_due(struct notice *notice, uint64_t now_ms, uint64_t every_ms,
                              uint64_t *count)
{
    (void)atomic_fetch_add_explicit(&notice->count, 1, memory_order_relaxed);
    uint_fast64_t next_ms = atomic_load_explicit(&notice->next_ms, memory_order_relaxed);
    if (now_ms < next_ms ||
        !atomic_compare_exchange_strong(&notice->next_ms, &next_ms, now_ms + every_ms))
        return false;
    *count = atomic_exchange_explicit(&notice->count, 0, memory_order_relaxed);
    return true;
}
