// SPDX-License-Identifier: GPL-3.0-or-later
/* Tries to reach one server: each address that its name stands for, from each of ours that has a
 * port left, until one answers, none is left, or its time is up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "proxy/backend/pool.h"
#include "proxy/endpoint.h"
#include "proxy/loop.h"

enum attempt_failure {
    ATTEMPT_UNREACHABLE,
    ATTEMPT_IMPOSSIBLE, /* this machine lacks something; it says nothing about the server */
    ATTEMPT_TOO_LATE,   /* unreachable, and there is no time for another one either */
    ATTEMPT_OUT_OF_MEMORY
};

/* After either of them the attempt is over, and may be freed. */
struct attempt_events {
    /* `endpoint` is given, with the owner and the events that were asked for. */
    void (*on_reached)(void *owner, struct endpoint *endpoint);
    /* `why` is a sentence, lent. */
    void (*on_failed)(void *owner, enum attempt_failure failure, const char *why);
};

struct attempt_request {
    struct loop *loop;
    struct pool *pool;
    int server;
    struct span client_id; /* borrowed until it is over, as what follows */
    const char *identity;  /* the common name of a verified certificate, or NULL */
    const bool *tried;     /* a flag for each server, this one's included: the others may be next */
    uint64_t ends_ms;      /* half of the time until then, as long as there is another one */
    const struct attempt_events *events;
    void *owner;
    const struct endpoint_events *endpoint_events;
    void *endpoint_owner;
};

struct connecting;

/* Zero-initialised is one that is not under way. */
struct attempt {
    struct attempt_request request;
    struct connecting *connecting;
    struct timer deadline;
    struct timer again; /* looks again: for the address of a name, or to a full socket */
    bool full;          /* the queue of connections of such a socket */
};

/* Begins. Events may come before this returns, so that it is the last thing its caller does. */
void attempt_start(struct attempt *attempt, const struct attempt_request *request);
/* Ends it without an event, if it is under way. */
void attempt_cancel(struct attempt *attempt);
