// SPDX-License-Identifier: GPL-3.0-or-later
/* Gets a client a connection to a server of a backend: chooses one, and the next one when it cannot
 * be reached, until none is left or the deadline passes. While all that are up have their
 * max_connections, it waits in the backend's queue. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "proxy/backend/pool.h"
#include "proxy/endpoint.h"
#include "proxy/loop.h"

struct dial;

enum dial_failure {
    DIAL_UNREACHABLE, /* none that is up is left, or time is up */
    DIAL_QUEUE_FULL,
    DIAL_QUEUE_TIMEOUT,
    DIAL_OUT_OF_MEMORY
};

struct dial_events {
    /* Connected: `endpoint` is given, with the dial's owner and the events that it asked for. The
     * server counts the connection until the owner calls slots_release. The dial is over and freed.
     */
    void (*on_connected)(void *owner, struct endpoint *endpoint, int server);
    /* One server could not be reached; `why` is lent. Another one may follow. */
    void (*on_unreachable)(void *owner, int server, const char *why);
    /* The dial is over and freed. */
    void (*on_given_up)(void *owner, enum dial_failure failure);
};

struct dial_request {
    struct loop *loop;
    struct pool *pool;
    struct span client_id; /* borrowed until the dial is over, as what follows */
    const char *identity;  /* the common name of a verified certificate, or NULL */
    bool *tried;           /* a flag for each server: set, it is left out; it is set when tried */
    uint64_t timeout_ms;   /* for reaching one, after any time in the queue */
    const struct dial_events *events;
    const struct endpoint_events *endpoint_events;
    void *owner;
};

/* Starts; `*slot` is the dial while it lasts and NULL once it is over. Events may come before this
 * returns, so that it is the last thing its caller does. */
void dial_start(const struct dial_request *request, struct dial **slot);
/* In the queue: it goes on waiting, in its place and with its deadline, by another generation of
 * the same backend, with `tried` of that one. False: it does not wait, and nothing is changed. */
MUST_USE bool dial_move(struct dial *dial, struct pool *pool, bool *tried);
/* Whether it is in the queue. */
bool dial_waits(const struct dial *dial);
/* Ends it without an event; `*slot` becomes NULL. Not from on_unreachable. */
void dial_cancel(struct dial **slot);
