/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where wolfSSL's random bytes come from: the kernel's generator, asked for 512 bytes at a time by
 * each thread. A byte is wiped as it is handed out, so that none is used twice and none that was
 * used can be read from memory later. See docs/decisions/0009. Postern forks only before
 * it has asked for any. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "user_settings.h"

enum { POOL_BYTES = 512, ANY_ERROR = -1 };

static _Thread_local struct {
    unsigned char bytes[POOL_BYTES];
    unsigned left; /* unused ones, at the end */
} pool;

static int ask_kernel(unsigned char *out, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = getrandom(out + done, length - done, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return ANY_ERROR;
        done += (size_t)got;
    }
    return 0;
}

int postern_random_block(unsigned char *out, unsigned length)
{
    if (length > POOL_BYTES) return ask_kernel(out, length);
    if (length > pool.left) {
        if (ask_kernel(pool.bytes, POOL_BYTES) != 0) return ANY_ERROR;
        pool.left = POOL_BYTES;
    }
    unsigned char *from = pool.bytes + POOL_BYTES - pool.left;
    memcpy(out, from, length);
    explicit_bzero(from, length);
    pool.left -= length;
    return 0;
}
