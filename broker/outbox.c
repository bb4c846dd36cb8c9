// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/outbox.h"

#include <stdlib.h>

struct chunk {
    struct chunk *next;
    struct message *message; /* whose payload this is, or NULL: `own` */
    uint8_t *data;
    size_t at;
    size_t length;
    size_t room; /* 0 for a payload */
    uint8_t own[];
};

void outbox_pool_clear(struct outbox_pool *pool)
{
    while (pool->free != NULL) {
        struct chunk *chunk = pool->free;
        pool->free = chunk->next;
        free(chunk);
    }
    pool->count = 0;
}

static struct chunk *chunk_new(struct outbox_pool *pool, size_t room)
{
    struct chunk *chunk = room == OUTBOX_CHUNK_BYTES ? pool->free : NULL;
    if (chunk != NULL) {
        pool->free = chunk->next;
        pool->count--;
    } else {
        chunk = malloc(sizeof *chunk + room);
        if (chunk == NULL) return NULL;
    }
    *chunk = (struct chunk){.room = room};
    chunk->data = chunk->own;
    return chunk;
}

static void chunk_free(struct outbox_pool *pool, struct chunk *chunk)
{
    message_unref(chunk->message);
    if (chunk->room == OUTBOX_CHUNK_BYTES && pool->count < OUTBOX_POOL_MAX) {
        chunk->next = pool->free;
        pool->free = chunk;
        pool->count++;
        return;
    }
    free(chunk);
}

void outbox_init(struct outbox *outbox, struct outbox_pool *pool)
{
    *outbox = (struct outbox){.pool = pool};
}

/* Of one that is not empty. */
static struct chunk *take_first(struct outbox *outbox)
{
    struct chunk *chunk = outbox->last->next;
    outbox->last->next = chunk->next;
    if (chunk == outbox->last) outbox->last = NULL;
    return chunk;
}

void outbox_clear(struct outbox *outbox)
{
    while (outbox->last != NULL)
        chunk_free(outbox->pool, take_first(outbox));
    outbox_init(outbox, outbox->pool);
}

static void append(struct outbox *outbox, struct chunk *chunk)
{
    struct chunk *last = outbox->last;
    chunk->next = last == NULL ? chunk : last->next;
    if (last != NULL) last->next = chunk;
    outbox->last = chunk;
}

uint8_t *outbox_reserve(struct outbox *outbox, size_t length)
{
    struct chunk *last = outbox->last;
    if (last == NULL || last->room - (last->room == 0 ? 0 : last->length) < length) {
        last = chunk_new(outbox->pool, length > OUTBOX_CHUNK_BYTES ? length : OUTBOX_CHUNK_BYTES);
        if (last == NULL) return NULL;
        append(outbox, last);
    }
    return last->own + last->length;
}

void outbox_commit(struct outbox *outbox, size_t length)
{
    assert(outbox->last != NULL && outbox->last->length + length <= outbox->last->room);
    outbox->last->length += length;
    outbox->bytes += length;
}

bool outbox_put_payload(struct outbox *outbox, struct message *message)
{
    struct chunk *chunk = chunk_new(outbox->pool, 0);
    if (chunk == NULL) return false;
    chunk->message = message_ref(message);
    chunk->data = message->data + message->topic_length + message->properties_length;
    chunk->length = message->payload_length;
    append(outbox, chunk);
    outbox->bytes += chunk->length;
    return true;
}

unsigned outbox_peek(const struct outbox *outbox, uv_buf_t *buffers, unsigned max)
{
    unsigned count = 0;
    const struct chunk *at = outbox->last;
    while (at != NULL && count < max) {
        at = at->next;
        if (at->length != at->at)
            buffers[count++] = uv_buf_init((char *)(at->data + at->at),
                                           (unsigned)(at->length - at->at));
        if (at == outbox->last) break;
    }
    return count;
}

void outbox_advance(struct outbox *outbox, size_t length)
{
    assert(length <= outbox->bytes);
    outbox->bytes -= length;
    while (outbox->last != NULL) {
        struct chunk *chunk = outbox->last->next;
        size_t left = chunk->length - chunk->at;
        if (left > length) {
            chunk->at += length;
            return;
        }
        length -= left;
        chunk_free(outbox->pool, take_first(outbox));
    }
}
