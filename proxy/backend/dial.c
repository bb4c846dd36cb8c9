// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/dial.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/backend/attempt.h"
#include "proxy/backend/findings.h"
#include "proxy/backend/slots.h"

/* Without checks a server that is down is tried again after a pause, which nobody announces. */
enum { RECONSIDER_MS = VITALS_FIRST_PAUSE_MS };

struct dial {
    struct dial_request request;
    struct dial **slot;
    struct attempt attempt;
    uint64_t ends_ms;
    int server; /* whose connection is counted; -1: none */
    bool queued;
    struct slots_waiter waiter; /* while queued, as what follows */
    struct timer deadline;
    struct timer reconsider;
};

static void try_next(struct dial *dial);

static uint64_t now_of(const struct dial *dial)
{
    return dial->request.loop->deadlines.now_ms;
}

/* ----------------------------------------------------------------------------------------- ending
 */

static void release_server(struct dial *dial)
{
    if (dial->server >= 0) slots_release(dial->request.pool, dial->server);
    dial->server = -1;
}

static void end_dial(struct dial *dial)
{
    attempt_cancel(&dial->attempt);
    timer_clear(&dial->deadline);
    timer_clear(&dial->reconsider);
    if (dial->queued) slots_leave(&dial->waiter, now_of(dial));
    release_server(dial);
    *dial->slot = NULL;
    free(dial);
}

void dial_cancel(struct dial **slot)
{
    if (*slot != NULL) end_dial(*slot);
}

static void give_up(struct dial *dial, enum dial_failure failure)
{
    struct dial_request request = dial->request;
    end_dial(dial);
    request.events->on_given_up(request.owner, failure);
}

/* ---------------------------------------------------------------------------------------- a server
 */

static void on_reached(void *owner, struct endpoint *endpoint)
{
    struct dial *dial = owner;
    struct dial_request request = dial->request;
    int server = dial->server;
    dial->server = -1; /* the owner's from here on */
    findings_of_dial(request.pool, server, NULL, now_of(dial));
    end_dial(dial);
    request.events->on_connected(request.owner, endpoint, server);
}

/* Tells the owner, who must not cancel from here, and goes on with the next server. */
static void on_failed(void *owner, enum attempt_failure failure, const char *why)
{
    struct dial *dial = owner;
    const struct dial_request *request = &dial->request;
    int server = dial->server;
    if (failure == ATTEMPT_OUT_OF_MEMORY) {
        give_up(dial, DIAL_OUT_OF_MEMORY);
        return;
    }
    if (failure == ATTEMPT_TOO_LATE) memset(request->tried, true, request->pool->count);
    if (failure != ATTEMPT_IMPOSSIBLE) findings_of_dial(request->pool, server, why, now_of(dial));
    release_server(dial); /* then nobody who waits is given a server that is down by now */
    request->events->on_unreachable(request->owner, server, why);
    try_next(dial);
}

static void try_server(struct dial *dial, int server)
{
    static const struct attempt_events events = {on_reached, on_failed};
    const struct dial_request *request = &dial->request;
    if (server == POOL_NONE) {
        give_up(dial, DIAL_UNREACHABLE);
        return;
    }
    dial->server = server;
    request->tried[server] = true;
    attempt_start(&dial->attempt,
                  &(struct attempt_request){.loop = request->loop,
                                            .pool = request->pool,
                                            .server = server,
                                            .client_id = request->client_id,
                                            .identity = request->identity,
                                            .tried = request->tried,
                                            .ends_ms = dial->ends_ms,
                                            .events = &events,
                                            .owner = dial,
                                            .endpoint_events = request->endpoint_events,
                                            .endpoint_owner = request->owner});
}

/* --------------------------------------------------------------------------------------- the queue
 */

static void on_told(struct loop_note *note)
{
    struct dial *dial = CONTAINER_OF(note, struct dial, waiter.note);
    dial->queued = false;
    timer_clear(&dial->deadline);
    timer_clear(&dial->reconsider);
    dial->ends_ms = now_of(dial) + dial->request.timeout_ms;
    try_server(dial, dial->waiter.server);
}

static void on_deadline(struct timer *timer)
{
    give_up(CONTAINER_OF(timer, struct dial, deadline), DIAL_QUEUE_TIMEOUT);
}

static void on_reconsider(struct timer *timer);

static void plan_to_reconsider(struct dial *dial)
{
    const struct pool *pool = dial->request.pool;
    if (pool->count > 1 && !pool_rule(pool).checked)
        timer_set(&dial->request.loop->deadlines, &dial->reconsider, RECONSIDER_MS, on_reconsider);
}

static void on_reconsider(struct timer *timer)
{
    struct dial *dial = CONTAINER_OF(timer, struct dial, reconsider);
    plan_to_reconsider(dial);
    slots_reconsider(&dial->waiter, now_of(dial));
}

static void wait_in_queue(struct dial *dial, const struct pool_client *client, int awaited)
{
    struct pool *pool = dial->request.pool;
    dial->waiter = (struct slots_waiter){
        .pool = pool, .client = *client, .loop = dial->request.loop};
    dial->queued = slots_wait(&dial->waiter, awaited, now_of(dial), on_told);
    if (!dial->queued) {
        give_up(dial, DIAL_QUEUE_FULL);
        return;
    }
    timer_set(&dial->request.loop->deadlines, &dial->deadline, pool->config->queue.timeout_ms,
              on_deadline);
    plan_to_reconsider(dial);
}

bool dial_waits(const struct dial *dial)
{
    return dial != NULL && dial->queued;
}

bool dial_move(struct dial *dial, struct pool *pool, bool *tried)
{
    if (!dial_waits(dial) || !slots_move(&dial->waiter, pool, tried, now_of(dial))) return false;
    dial->request.pool = pool;
    dial->request.tried = tried;
    plan_to_reconsider(dial);
    return true;
}

/* --------------------------------------------------------------------------------------- choosing
 */

static void try_next(struct dial *dial)
{
    const struct dial_request *request = &dial->request;
    const struct pool_client client = {request->client_id, request->tried};
    int awaited = POOL_NONE;
    int chosen = slots_take(request->pool, &client, now_of(dial), &awaited);
    if (chosen == POOL_FULL)
        wait_in_queue(dial, &client, awaited);
    else
        try_server(dial, chosen);
}

void dial_start(const struct dial_request *request, struct dial **slot)
{
    struct dial *dial = calloc(1, sizeof *dial);
    *slot = dial;
    if (dial == NULL) {
        request->events->on_given_up(request->owner, DIAL_OUT_OF_MEMORY);
        return;
    }
    dial->request = *request;
    dial->slot = slot;
    dial->server = -1;
    dial->ends_ms = now_of(dial) + request->timeout_ms;
    try_next(dial);
}
