/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory that wolfSSL needs for one record, in and out, while it is in a call: lent from the
 * thread, since no idle connection holds one, and a message would else cost an allocation each way.
 * Whoever keeps a buffer for longer (a handshake message in pieces) has it to himself, and the
 * others get theirs from malloc. A WOLFSSL is freed by the thread that has used it. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "thread_memory.h"
#include "user_settings.h"

/* The largest record, its header, and what wolfSSL adds for alignment. */
enum { ROOM_BYTES = 17 * 1024, TYPE_OUT_BUFFER = 12, TYPE_IN_BUFFER = 13 };

struct record_buffer {
    bool is_lent;
    size_t lent_bytes;
    _Alignas(32) unsigned char bytes[ROOM_BYTES];
};

struct record_buffers {
    struct record_buffer in;
    struct record_buffer out;
};

static void *lend(struct record_buffer *buffer, size_t size)
{
    if (buffer->is_lent || size > ROOM_BYTES) return malloc(size);
    buffer->is_lent = true;
    buffer->lent_bytes = size;
    return buffer->bytes;
}

void *postern_tls_malloc(size_t size, int type)
{
    if (type != TYPE_IN_BUFFER && type != TYPE_OUT_BUFFER) return malloc(size);
    struct record_buffers *own = postern_thread_memory(THREAD_RECORD_BUFFERS, sizeof *own);
    if (own == NULL) return malloc(size);
    return lend(type == TYPE_IN_BUFFER ? &own->in : &own->out, size);
}

static struct record_buffer *lender_of(const void *memory)
{
    struct record_buffers *own = postern_thread_memory(THREAD_RECORD_BUFFERS, 0);
    if (own == NULL) return NULL;
    if (memory == own->in.bytes) return &own->in;
    return memory == own->out.bytes ? &own->out : NULL;
}

void postern_tls_free(void *memory)
{
    struct record_buffer *buffer = lender_of(memory);
    if (buffer == NULL)
        free(memory);
    else
        buffer->is_lent = false;
}

void *postern_tls_realloc(void *memory, size_t size)
{
    struct record_buffer *buffer = lender_of(memory);
    if (buffer == NULL) return realloc(memory, size);
    void *moved = malloc(size);
    if (moved == NULL) return NULL;
    memcpy(moved, memory, size < buffer->lent_bytes ? size : buffer->lent_bytes);
    buffer->is_lent = false;
    return moved;
}
