// SPDX-License-Identifier: GPL-3.0-or-later
/* One end of a relay: a connected libuv stream with what its peer would not take yet. It is freed
 * by libuv's close callback alone, never under a caller; after endpoint_close no event comes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct endpoint;

/* What the owner is told. In each of them it may close the endpoint. */
struct endpoint_events {
    /* Lends memory for the next read; it is the owner's until on_data. */
    uv_buf_t (*lend)(void *owner);
    void (*on_data)(void *owner, size_t length);
    /* The peer will send no more. */
    void (*on_end)(void *owner);
    /* A reset or another failure (libuv's negative error): nothing more can be read or written. */
    void (*on_failure)(void *owner, int error);
    /* All that endpoint_write took has been taken by the kernel. */
    void (*on_drained)(void *owner);
};

struct endpoint {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    const struct endpoint_events *events;
    void *owner;    /* NULL once closed */
    size_t pending; /* bytes queued because the kernel had no room */
    bool wants_reading;
};

/* Gives an endpoint for a TCP or a unix socket, its handle initialised but not connected, that is
 * ended by endpoint_close in any case. NULL: out of memory. */
struct endpoint *endpoint_new(uv_loop_t *loop, bool is_unix, const struct endpoint_events *events,
                              void *owner);
/* Small packets are not held back, dead peers are noticed (TCP only; sockets that are accepted have
 * it from the one that listens). Nobody on loopback dies without a word. */
void endpoint_tune_socket(int fd, bool is_loopback);
/* Gives the endpoint a connected socket, which it takes. False: the descriptor is still the
 * caller's. */
MUST_USE bool endpoint_open(struct endpoint *endpoint, int fd);
/* Starts and stops reading; both may be repeated. */
void endpoint_resume(struct endpoint *endpoint);
void endpoint_pause(struct endpoint *endpoint);
/* Sends `data`, borrowed: what the kernel does not take now is copied and counted in `pending`.
 * False: the stream is broken (on_failure may not come any more). */
MUST_USE bool endpoint_write(struct endpoint *endpoint, struct span data);
/* The same, with an end right behind it (endpoint_shutdown, endpoint_close), so that one packet
 * takes both. */
MUST_USE bool endpoint_write_last(struct endpoint *endpoint, struct span data);
/* Half-closes after what is queued. */
void endpoint_shutdown(struct endpoint *endpoint);
/* Closes and frees; `*endpoint` becomes NULL. Queued bytes are dropped. */
void endpoint_close(struct endpoint **endpoint);
/* The same with a reset (TCP), so that the peer does not take it for a regular end. */
void endpoint_reset(struct endpoint **endpoint);
