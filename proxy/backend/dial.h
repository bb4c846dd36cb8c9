// SPDX-License-Identifier: GPL-3.0-or-later
/* Connects to a server of a backend: TCP, a unix socket, or the included broker; the next server
 * when one cannot be reached, until none is left or the deadline passes. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "proxy/backend/pool.h"
#include "proxy/endpoint.h"
#include "proxy/loop.h"

struct dial;

struct dial_events {
    /* Connected: `endpoint` is given, with the dial's owner and the events that it asked for. The
     * dial is over and freed. */
    void (*on_connected)(void *owner, struct endpoint *endpoint, int server);
    /* One server could not be reached; `why` is a constant sentence. Another one may follow. */
    void (*on_unreachable)(void *owner, int server, const char *why);
    /* No server is left, or time is up. The dial is over and freed. */
    void (*on_given_up)(void *owner);
};

struct dial_request {
    struct loop *loop;
    struct pool *pool;
    struct span client_id; /* borrowed until the dial is over, as the next one */
    const char *identity;  /* the common name of a verified certificate, or NULL */
    const struct dial_events *events;
    const struct endpoint_events *endpoint_events;
    void *owner;
};

/* Starts; `*slot` is the dial while it lasts and NULL once it is over. Events may come before this
 * returns: false, the dial is over, and its owner may be gone. Out of memory is on_given_up. */
bool dial_start(const struct dial_request *request, struct dial **slot);
/* Ends it without an event; `*slot` becomes NULL. Not from on_unreachable. */
void dial_cancel(struct dial **slot);
