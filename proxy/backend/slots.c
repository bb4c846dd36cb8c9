// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/slots.h"

#include "base/clock.h"

/* That a slot is given back while somebody begins to wait for it is seen by one of the two at
 * least: each writes its own counter before it reads the other's, in one order for all threads. So
 * these are the few atomics that are not relaxed, and a server's connections never go past its
 * limit for a moment, which would hide a free slot from somebody else. */

static void lock(struct pool_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock); /* a plain mutex cannot fail */
}

static void unlock(struct pool_queue *queue)
{
    (void)pthread_mutex_unlock(&queue->lock);
}

static bool has_room(const struct server_state *state)
{
    unsigned most = atomic_load(&state->most);
    return most == 0 || atomic_load(&state->connections) < most;
}

/* False: it has none. */
static bool take(struct server_state *state)
{
    unsigned most = atomic_load(&state->most);
    unsigned now = atomic_load(&state->connections);
    do {
        if (most != 0 && now >= most) return false;
    } while (!atomic_compare_exchange_weak(&state->connections, &now, now + 1));
    return true;
}

/* -------------------------------------------------------------------------------------- the queue
 */

static struct slots_waiter *waiter_of(struct line_place *place)
{
    return place == NULL ? NULL : CONTAINER_OF(place, struct slots_waiter, place);
}

static struct line *line_of(const struct slots_waiter *waiter)
{
    return waiter->awaited == NULL ? &waiter->pool->queue->homeless_line : &waiter->awaited->line;
}

static atomic_uint *count_of(const struct slots_waiter *waiter)
{
    return waiter->awaited == NULL ? &waiter->pool->queue->homeless : &waiter->awaited->waiting;
}

static void list(struct slots_waiter *waiter, struct server_state *awaited)
{
    waiter->awaited = awaited;
    waiter->listed = true;
    line_add(line_of(waiter), &waiter->place);
    (void)atomic_fetch_add(count_of(waiter), 1);
    (void)atomic_fetch_add(&waiter->pool->queue->waiting, 1);
}

static void unlist(struct slots_waiter *waiter)
{
    line_remove(line_of(waiter), &waiter->place);
    (void)atomic_fetch_sub(count_of(waiter), 1);
    (void)atomic_fetch_sub(&waiter->pool->queue->waiting, 1);
    waiter->listed = false;
}

/* It is counted all the time, so that nobody who comes later slips in between. */
static void change_lines(struct slots_waiter *waiter, struct server_state *awaited)
{
    atomic_uint *before = count_of(waiter);
    line_remove(line_of(waiter), &waiter->place);
    waiter->awaited = awaited;
    line_add(line_of(waiter), &waiter->place);
    (void)atomic_fetch_add(count_of(waiter), 1);
    (void)atomic_fetch_sub(before, 1);
}

static void tell(struct slots_waiter *waiter, int server)
{
    unlist(waiter);
    waiter->server = server;
    loop_post(waiter->loop, &waiter->note);
}

static int find_server(const struct pool *pool, const struct server_state *state)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->servers[i].state == state) return (int)i;
    return POOL_NONE;
}

static bool may_have(const struct slots_waiter *waiter, const struct server_state *state)
{
    int server = find_server(waiter->pool, state);
    return server != POOL_NONE && !waiter->client.tried[server];
}

static struct slots_waiter *first_for(const struct pool_queue *queue,
                                      const struct server_state *state)
{
    struct slots_waiter *home = waiter_of(state->line.first);
    struct slots_waiter *any = waiter_of(queue->homeless_line.first);
    while (any != NULL && !may_have(any, state))
        any = waiter_of(any->place.next);
    if (home == NULL || any == NULL) return home == NULL ? any : home;
    return home->place.number < any->place.number ? home : any;
}

static void serve(struct pool_queue *queue, struct server_state *state, uint64_t now_ms)
{
    struct slots_waiter *waiter = NULL;
    while (has_room(state) && (waiter = first_for(queue, state)) != NULL) {
        struct vitals_rule rule = pool_rule(waiter->pool);
        if (!server_state_may_dial(state, &rule, now_ms) || !take(state)) return;
        if (!server_state_take_dial(state, &rule, now_ms)) {
            (void)atomic_fetch_sub(&state->connections, 1); /* whoever saw it wants the lock */
            return;
        }
        tell(waiter, find_server(waiter->pool, state));
    }
}

static void serve_all(const struct pool *pool, uint64_t now_ms)
{
    for (size_t i = 0; i < pool->count; i++)
        serve(pool->queue, pool->servers[i].state, now_ms);
}

/* Where it waits now, if there is anybody to wait for. */
static void choose_again(struct slots_waiter *waiter, uint64_t now_ms)
{
    int awaited = POOL_NONE;
    if (pool_choose(waiter->pool, &waiter->client, now_ms, &awaited) == POOL_NONE) {
        tell(waiter, POOL_NONE);
        return;
    }
    struct server_state *state = awaited == POOL_NONE ? NULL : waiter->pool->servers[awaited].state;
    if (state != waiter->awaited) change_lines(waiter, state);
}

static void choose_along(const struct line *line, uint64_t now_ms)
{
    struct line_place *next = NULL;
    for (struct line_place *place = line->first; place != NULL; place = next) {
        next = place->next;
        choose_again(waiter_of(place), now_ms);
    }
}

/* ------------------------------------------------------------------------------------------ slots
 */

int slots_take(struct pool *pool, const struct pool_client *client, uint64_t now_ms, int *awaited)
{
    enum { MOST_RACES = 8 };
    struct vitals_rule rule = pool_rule(pool);
    for (unsigned race = 0; race < MOST_RACES; race++) {
        int chosen = pool_choose(pool, client, now_ms, awaited);
        if (chosen < 0) return chosen;
        struct server_state *state = pool->servers[chosen].state;
        if (!take(state)) continue;
        if (server_state_take_dial(state, &rule, now_ms)) return chosen;
        slots_release(pool, chosen);
    }
    return POOL_FULL;
}

void slots_release(const struct pool *pool, int server)
{
    struct pool_queue *queue = pool->queue;
    struct server_state *state = pool->servers[server].state;
    (void)atomic_fetch_sub(&state->connections, 1);
    if (atomic_load(&state->waiting) + atomic_load(&queue->homeless) == 0) return;
    lock(queue);
    serve(queue, state, clock_monotonic_ms());
    unlock(queue);
}

void slots_carry_over(const struct pool *to, int server, const struct pool *from, int before)
{
    if (to->servers[server].state == from->servers[before].state) return;
    (void)atomic_fetch_add(&to->servers[server].state->connections, 1);
    slots_release(from, before);
}

bool slots_wait(struct slots_waiter *waiter, int awaited, uint64_t now_ms, loop_note_fn *on_told)
{
    const struct pool *pool = waiter->pool;
    struct pool_queue *queue = pool->queue;
    waiter->note.on_note = on_told;
    lock(queue);
    bool fits = atomic_load(&queue->waiting) < pool->config->queue.size;
    if (fits) {
        waiter->place.number = queue->arrivals++;
        list(waiter, awaited == POOL_NONE ? NULL : pool->servers[awaited].state);
        serve_all(pool, now_ms);
    }
    unlock(queue);
    return fits;
}

void slots_leave(struct slots_waiter *waiter, uint64_t now_ms)
{
    struct pool_queue *queue = waiter->pool->queue;
    lock(queue);
    if (waiter->listed) {
        unlist(waiter);
    } else {
        loop_unpost(waiter->loop, &waiter->note);
        if (waiter->server != POOL_NONE) {
            struct server_state *state = waiter->pool->servers[waiter->server].state;
            (void)atomic_fetch_sub(&state->connections, 1);
            serve(queue, state, now_ms);
        }
    }
    unlock(queue);
}

bool slots_move(struct slots_waiter *waiter, struct pool *pool, const bool *tried, uint64_t now_ms)
{
    struct pool_queue *queue = pool->queue;
    lock(queue);
    bool listed = waiter->listed;
    if (listed) {
        waiter->pool = pool;
        waiter->client.tried = tried;
        choose_again(waiter, now_ms);
    }
    unlock(queue);
    return listed;
}

void slots_reconsider(struct slots_waiter *waiter, uint64_t now_ms)
{
    struct pool_queue *queue = waiter->pool->queue;
    lock(queue);
    if (waiter->listed) choose_again(waiter, now_ms);
    serve_all(waiter->pool, now_ms);
    unlock(queue);
}

void slots_reconsider_all(struct pool *pool, uint64_t now_ms)
{
    struct pool_queue *queue = pool->queue;
    if (atomic_load(&queue->waiting) == 0) return;
    lock(queue);
    choose_along(&queue->homeless_line, now_ms);
    for (size_t i = 0; i < pool->count; i++)
        choose_along(&pool->servers[i].state->line, now_ms);
    serve_all(pool, now_ms);
    unlock(queue);
}

void slots_serve(struct pool *pool, uint64_t now_ms)
{
    if (atomic_load(&pool->queue->waiting) == 0) return;
    lock(pool->queue);
    serve_all(pool, now_ms);
    unlock(pool->queue);
}

void slots_publish(struct pool *pool, uint64_t now_ms)
{
    for (size_t i = 0; i < pool->count; i++)
        atomic_store(&pool->servers[i].state->most, pool_limit(pool, i));
    slots_serve(pool, now_ms);
}
