/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "thread_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local void *memory[THREAD_MEMORIES];
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int has_key;

static void free_all(void *of_thread)
{
    void **all = of_thread;
    for (int i = 0; i < THREAD_MEMORIES; i++)
        free(all[i]);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, free_all) == 0;
}

void *postern_thread_memory(enum thread_memory which, size_t size)
{
    if (memory[which] != NULL || size == 0) return memory[which];
    (void)pthread_once(&once, make_key); /* fails for a bad argument only */
    if (!has_key || pthread_setspecific(key, memory) != 0) return NULL;
    void *made = aligned_alloc(32, (size + 31) / 32 * 32);
    if (made == NULL) return NULL;
    memory[which] = memset(made, 0, size);
    return made;
}
