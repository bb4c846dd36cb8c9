// SPDX-License-Identifier: GPL-3.0-or-later
/* The connections that servers may have (max_connections), and the clients who wait in the
 * backend's queue until one is free. Whoever gives a slot back hands it to the first one that waits
 * for it, on whatever thread that is: nobody who comes later gets it, and nobody has to look. Any
 * thread; the lock is the queue's, and is not touched while nobody waits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "proxy/backend/line.h"
#include "proxy/backend/pool.h"
#include "proxy/loop.h"

/* The server to dial for this client among those that are up and not yet tried: it has a slot of it
 * from here on, until slots_release. POOL_NONE: none is up. POOL_FULL: there is one, but it has its
 * max_connections, or others wait for it; `*awaited` is that server, or POOL_NONE if the client has
 * no home and takes any. */
int slots_take(struct pool *pool, const struct pool_client *client, uint64_t now_ms, int *awaited);
void slots_release(const struct pool *pool, int server);
/* A slot of one generation's server counts as one of another's. */
void slots_carry_over(const struct pool *to, int server, const struct pool *from, int before);

/* A client in the queue. */
struct slots_waiter {
    struct line_place place;
    struct pool *pool;
    struct pool_client client;    /* lent while it waits */
    struct loop *loop;            /* it is told on */
    struct server_state *awaited; /* NULL: any server */
    bool listed;                  /* it has not been told yet */
    int server;                   /* it has been: its slot is of this one, or POOL_NONE */
    struct loop_note note;
};

/* Has `waiter`, zero-initialised but for `pool`, `client` and `loop`, wait for a slot; `awaited` as
 * slots_take said it. `on_told` is called once, on its loop: then it waits no more, has a slot of
 * `waiter->server`, or POOL_NONE: no server is up any more. False: the queue is full. */
MUST_USE bool slots_wait(struct slots_waiter *waiter, int awaited, uint64_t now_ms,
                         loop_note_fn *on_told);
/* It waits no more; a slot that it has been given without knowing is the next one's. On its loop,
 * and not once it has been told. */
void slots_leave(struct slots_waiter *waiter, uint64_t now_ms);
/* It waits by another generation of the same backend, as the one that came when it came; slots that
 * this one has are handed out by slots_serve, when all have come over. False: it has a slot
 * already, and is about to be told. */
MUST_USE bool slots_move(struct slots_waiter *waiter, struct pool *pool, const bool *tried,
                         uint64_t now_ms);
/* It may be that time has brought a server back. */
void slots_reconsider(struct slots_waiter *waiter, uint64_t now_ms);
/* A server has turned up or down: all who wait choose again, in their order. */
void slots_reconsider_all(struct pool *pool, uint64_t now_ms);
/* Hands out what is free. */
void slots_serve(struct pool *pool, uint64_t now_ms);
/* The generation is in force now, with its max_connections. */
void slots_publish(struct pool *pool, uint64_t now_ms);
