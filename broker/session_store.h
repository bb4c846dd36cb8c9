// SPDX-License-Identifier: GPL-3.0-or-later
/* What the broker knows of each client id, connected or not (MQTT 5, 4.1), in memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/timer_wheel.h"
#include "broker/packet_ids.h"
#include "broker/queue.h"
#include "broker/subscriptions.h"
#include "broker/will.h"

struct client;

/* Runs while there is no connection. */
struct session_expiry {
    struct timer timer;
    struct session *session;
};

/* What few sessions have at a time is kept apart: most of them are idle. */
struct session {
    struct session *next; /* of the same place in the table */
    struct session_store *store;
    struct client *client; /* its connection, or NULL */
    struct subscriber subscriber;
    struct queue *queue;           /* NULL: empty */
    struct packet_ids received;    /* QoS 2 messages whose PUBREL has not come */
    struct will *will;             /* or NULL */
    struct session_expiry *expiry; /* or NULL */
    uint64_t expiry_ms;            /* after the connection; UINT64_MAX: never */
    uint64_t number;               /* unique in this process, never 0 */
    uint64_t match_stamp;
    uint32_t match_index; /* scratch of a delivery, by its stamp */
    uint32_t hash;        /* of its id */
    bool slow;            /* no publisher waits for it until its queue is empty */
    bool awaited;         /* some publisher does */
    uint16_t id_length;
    uint8_t id[];
};

struct session_store {
    struct session **places; /* by hash */
    size_t places_count;     /* a power of two, or 0 */
    struct subscriptions *subscriptions;
    uint64_t count;
    uint64_t max;
    uint64_t last_number;
};

/* Keeps `subscriptions`. */
void session_store_init(struct session_store *store, struct subscriptions *subscriptions,
                        uint64_t max);
/* Frees all sessions. */
void session_store_clear(struct session_store *store);
/* Lends the session of a client id, or NULL. */
struct session *session_find(const struct session_store *store, struct span id);
/* Lends a new session of an id that has none; NULL: there is no room or no memory. */
struct session *session_new(struct session_store *store, struct span id);
/* Frees it with all that it holds; its will is not published. */
void session_free(struct session_store *store, struct session *session);
/* Lends its queue to look at; an empty one if it has none. */
const struct queue *session_queue(const struct session *session);
/* Lends its queue, made if it has none; NULL: out of memory. */
struct queue *session_make_queue(struct session *session);
/* Frees its queue if that is empty. */
void session_trim(struct session *session);
/* Lends the timer of its expiry, in a struct session_expiry; NULL: out of memory. */
struct timer *session_expiry(struct session *session);
/* It does not expire. */
void session_keep(struct session *session);
struct span session_id(const struct session *session);
