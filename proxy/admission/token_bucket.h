// SPDX-License-Identifier: GPL-3.0-or-later
/* So many a second for all threads together: a token bucket in one atomic word. It holds a tenth of
 * a second's worth, so that a crowd is spread and not let in as a lump. The caller says what time
 * it is. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Zero-initialised is full. */
struct token_bucket {
    atomic_uint_fast64_t full_at_us;
};

/* Takes a token and gives 0, or takes none and gives for how many ms there will be none. */
uint64_t token_bucket_take(struct token_bucket *bucket, uint64_t per_second, uint64_t now_us);
/* Puts one back that was not used. */
void token_bucket_return(struct token_bucket *bucket, uint64_t per_second);
