// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/session_store.h"

#include <stdlib.h>
#include <string.h>

void session_store_init(struct session_store *store, struct subscriptions *subscriptions,
                        uint64_t max)
{
    hash_init();
    *store = (struct session_store){.subscriptions = subscriptions, .max = max};
}

void session_store_clear(struct session_store *store)
{
    struct session *session = NULL;
    struct session *next = NULL;
    HASH_ITER(hh, store->sessions, session, next)
    {
        session_free(store, session);
    }
}

struct session *session_find(const struct session_store *store, struct span id)
{
    struct session *session = NULL;
    const void *key = id.length == 0 ? "" : (const void *)id.data;
    HASH_FIND(hh, store->sessions, key, id.length, session);
    return session;
}

struct session *session_new(struct session_store *store, struct span id)
{
    if (store->count >= store->max) return NULL;
    struct session *session = calloc(1, sizeof *session + id.length);
    if (session == NULL) return NULL;
    session->store = store;
    session->number = ++store->last_number;
    session->id_length = id.length;
    if (id.length != 0) memcpy(session->id, id.data, id.length);
    HASH_ADD_KEYPTR(hh, store->sessions, session->id, (unsigned)session->id_length, session);
    store->count++;
    return session;
}

void session_free(struct session_store *store, struct session *session)
{
    assert(session->client == NULL);
    timer_clear(&session->expiry);
    will_clear(&session->will);
    subscriptions_remove_all(store->subscriptions, &session->subscriber);
    queue_clear(&session->queue);
    packet_ids_clear(&session->received);
    HASH_DEL(store->sessions, session); // NOLINT(clang-analyzer-*): it is in the table
    store->count--;
    free(session);
}

struct span session_id(const struct session *session)
{
    return (struct span){session->id, session->id_length};
}
