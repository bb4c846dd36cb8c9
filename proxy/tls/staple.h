// SPDX-License-Identifier: GPL-3.0-or-later
/* The OCSP answer that a context serves to clients that ask for one (RFC 6066, 8). Any thread may
 * replace it while handshakes go on. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct staple {
    pthread_mutex_t lock;
    uint8_t *answer; /* NULL: none yet */
    size_t length;
    time_t until; /* 0: it does not say */
};

void staple_init(struct staple *staple);
void staple_clear(struct staple *staple);
/* Serves a copy of `answer` until `until`. False: out of memory, the old one stays. */
MUST_USE bool staple_set(struct staple *staple, struct span answer, time_t until);
/* Whether there is an answer, in force or not; `until` as above. */
bool staple_is_there(struct staple *staple, time_t *until);
/* Gives a copy from `allocate` and its length, or NULL: there is none that is in force at `now`. */
uint8_t *staple_copy(struct staple *staple, size_t *length, time_t now,
                     void *(*allocate)(size_t size));
