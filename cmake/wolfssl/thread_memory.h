/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory that a thread has to itself from its first use to its end. A thread that runs no TLS has
 * none: as thread-local arrays these would be written to at the start of every thread. */
#pragma once

#include <stddef.h>

enum thread_memory { THREAD_RECORD_BUFFERS, THREAD_SIGNATURES, THREAD_MEMORIES };

/* Lends zeroed memory, the same at each call in one thread; a `size` of 0 asks for what is there only.
 * NULL: there is none. */
void *postern_thread_memory(enum thread_memory which, size_t size);
