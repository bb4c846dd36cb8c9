// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/session_store.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_PLACES = 64 };

void session_store_init(struct session_store *store, struct subscriptions *subscriptions,
                        uint64_t max)
{
    hash_init();
    *store = (struct session_store){.subscriptions = subscriptions, .max = max};
}

void session_store_clear(struct session_store *store)
{
    for (size_t i = 0; i < store->places_count; i++)
        while (store->places[i] != NULL)
            session_free(store, store->places[i]); // NOLINT(clang-analyzer-*): each time the next
    free(store->places);
    store->places = NULL;
    store->places_count = 0;
}

/* What points to the session of this id, or would. */
static struct session **place_of(const struct session_store *store, struct span id, uint32_t hash)
{
    struct session **at = &store->places[hash & (store->places_count - 1)];
    while (*at != NULL && ((*at)->hash != hash || !span_equal(session_id(*at), id)))
        at = &(*at)->next;
    return at;
}

struct session *session_find(const struct session_store *store, struct span id)
{
    if (store->places_count == 0) return NULL;
    return *place_of(store, id, hash_keyed(id.length == 0 ? "" : (const void *)id.data, id.length));
}

/* Doubles the table. Without memory it stays, and is slower; the first one has to be had. */
static bool grow(struct session_store *store)
{
    size_t count = store->places_count == 0 ? FIRST_PLACES : 2 * store->places_count;
    struct session **places = calloc(count, sizeof(struct session *));
    if (places == NULL) return store->places_count != 0;
    for (size_t i = 0; i < store->places_count; i++)
        while (store->places[i] != NULL) {
            struct session *session = store->places[i];
            store->places[i] = session->next;
            session->next = places[session->hash & (count - 1)];
            places[session->hash & (count - 1)] = session;
        }
    free(store->places);
    store->places = places;
    store->places_count = count;
    return true;
}

struct session *session_new(struct session_store *store, struct span id)
{
    assert(id.length <= UINT16_MAX);
    if (store->count >= store->max) return NULL;
    if (store->count >= store->places_count && !grow(store)) return NULL;
    size_t size = offsetof(struct session, id) + id.length;
    struct session *session = calloc(1, size < sizeof *session ? sizeof *session : size);
    if (session == NULL) return NULL;
    session->store = store;
    session->number = ++store->last_number;
    session->id_length = (uint16_t)id.length;
    if (id.length != 0) memcpy(session->id, id.data, id.length);
    session->hash = hash_keyed(session->id, id.length);
    struct session **place = &store->places[session->hash & (store->places_count - 1)];
    session->next = *place;
    *place = session;
    store->count++;
    return session;
}

void session_free(struct session_store *store, struct session *session)
{
    assert(session->client == NULL);
    session_keep(session);
    will_clear(&session->will);
    subscriptions_remove_all(store->subscriptions, &session->subscriber);
    if (session->queue != NULL) queue_clear(session->queue);
    free(session->queue);
    packet_ids_clear(&session->received);
    *place_of(store, session_id(session), session->hash) = session->next;
    store->count--;
    free(session);
}

const struct queue *session_queue(const struct session *session)
{
    static const struct queue empty;
    return session->queue != NULL ? session->queue : &empty;
}

struct queue *session_make_queue(struct session *session)
{
    if (session->queue == NULL) session->queue = calloc(1, sizeof *session->queue);
    return session->queue;
}

void session_trim(struct session *session)
{
    if (session->queue == NULL || !queue_idle(session->queue)) return;
    free(session->queue);
    session->queue = NULL;
}

struct timer *session_expiry(struct session *session)
{
    if (session->expiry == NULL) session->expiry = calloc(1, sizeof *session->expiry);
    if (session->expiry == NULL) return NULL;
    session->expiry->session = session;
    return &session->expiry->timer;
}

void session_keep(struct session *session)
{
    if (session->expiry == NULL) return;
    timer_clear(&session->expiry->timer);
    free(session->expiry);
    session->expiry = NULL;
}

struct span session_id(const struct session *session)
{
    return (struct span){session->id, session->id_length};
}
