// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admission/descriptors.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/resource.h>

/* Enough for one client, whatever the limit is; the kernel will say when it is not. */
enum { MOST_RESERVE = 64, LEAST_FOR_CLIENTS = 4, GUESSED_OWN = 64 };

static atomic_uint_fast64_t for_clients = UINT64_MAX;
static atomic_uint_fast64_t claimed;

unsigned long descriptors_limit(void)
{
    struct rlimit files = {1024, 1024};
    (void)getrlimit(RLIMIT_NOFILE, &files); /* cannot fail for this resource */
    return files.rlim_cur;
}

/* It is opened once: a process that nobody may look into (PR_SET_DUMPABLE) may not either. */
static DIR *listing;
static pthread_mutex_t listing_lock = PTHREAD_MUTEX_INITIALIZER;

void descriptors_look(void)
{
    if (listing == NULL) listing = opendir("/proc/self/fd");
}

unsigned long descriptors_open(void)
{
    unsigned long count = 0;
    if (listing == NULL) return 0;
    (void)pthread_mutex_lock(&listing_lock); /* a plain mutex cannot fail */
    rewinddir(listing);
    while (readdir(listing) != NULL)
        count++;
    (void)pthread_mutex_unlock(&listing_lock);
    return count < 3 ? 0 : count - 3; /* ".", ".." and the directory itself */
}

static unsigned long count_open(void)
{
    unsigned long count = descriptors_open();
    return count == 0 ? GUESSED_OWN : count;
}

void descriptors_start(void)
{
    unsigned long limit = descriptors_limit();
    unsigned long reserve = limit / 8 < MOST_RESERVE ? limit / 8 : MOST_RESERVE;
    unsigned long own = count_open() + reserve;
    atomic_store(&for_clients, limit < own + LEAST_FOR_CLIENTS ? LEAST_FOR_CLIENTS : limit - own);
}

bool descriptors_claim(unsigned count)
{
    uint_fast64_t before = atomic_fetch_add_explicit(&claimed, count, memory_order_relaxed);
    if (before + count <= atomic_load_explicit(&for_clients, memory_order_relaxed)) return true;
    descriptors_release(count);
    return false;
}

void descriptors_release(unsigned count)
{
    (void)atomic_fetch_sub_explicit(&claimed, count, memory_order_relaxed);
}
