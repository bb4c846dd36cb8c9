// SPDX-License-Identifier: GPL-3.0-or-later
/* What waits to be written to one socket. Small packets are gathered in chunks, so that many leave
 * in one write; large payloads are not copied: their message is kept by reference.
 *
 *   first chunk -> ... -> last chunk
 *   bytes: 0 .. at written, at .. length to write, length .. room free                          */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "broker/message.h"

/* A payload from this size on is referred to; below it a copy costs less than one more iovec. */
enum { OUTBOX_COPY_BELOW = 2048, OUTBOX_CHUNK_BYTES = 4096 - 64, OUTBOX_POOL_MAX = 256 };

struct chunk;

/* Chunks that all outboxes of one loop share; zero-initialised is empty. */
struct outbox_pool {
    struct chunk *free;
    size_t count;
};

struct outbox {
    struct outbox_pool *pool;
    struct chunk *last; /* the first one follows it */
    size_t bytes;       /* still to be written */
};

void outbox_pool_clear(struct outbox_pool *pool);
/* Keeps `pool`. */
void outbox_init(struct outbox *outbox, struct outbox_pool *pool);
void outbox_clear(struct outbox *outbox);
/* Lends `length` bytes to write into, until outbox_commit of what was written; NULL: no memory. */
uint8_t *outbox_reserve(struct outbox *outbox, size_t length);
void outbox_commit(struct outbox *outbox, size_t length);
/* Appends the payload of `message`, of which it keeps a reference. False: no memory. */
MUST_USE bool outbox_put_payload(struct outbox *outbox, struct message *message);
/* Lends what is to be written as buffers, `max` at most; returns how many. They stay valid while
 * more is appended. */
unsigned outbox_peek(const struct outbox *outbox, uv_buf_t *buffers, unsigned max);
/* Forgets the first `length` bytes: they are written. */
void outbox_advance(struct outbox *outbox, size_t length);
