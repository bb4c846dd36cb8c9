// SPDX-License-Identifier: GPL-3.0-or-later
/* What one session is still owed: `pending` waits to be sent, `inflight` waits for its
 * acknowledgements. Bounded: QoS 0 is the first to be dropped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "broker/message.h"

struct share;

enum delivery_state {
    DELIVERY_PENDING,
    DELIVERY_RESEND, /* inflight from an earlier connection */
    DELIVERY_SENT    /* inflight on this one */
};

struct delivery {
    struct delivery *next;
    struct delivery *previous;
    struct message *message; /* NULL once PUBREC has come: PUBCOMP is awaited (QoS 2) */
    struct share *share;     /* by which it came here, kept; or NULL */
    uint64_t order;          /* pending: of arrival; inflight: of sending */
    enum delivery_state state;
    uint8_t qos;
    bool retain;
    uint16_t identifiers_count;
    uint32_t identifiers[]; /* subscription identifiers */
};

struct delivery_list {
    struct delivery *first;
    struct delivery *last;
    size_t count;
};

struct queue {
    struct delivery_list pending; /* QoS 1 and 2 */
    struct delivery_list pending_qos0;
    struct delivery_list inflight; /* in the order of sending */
    struct delivery *resend;       /* the first inflight one to be sent again, or NULL */
    size_t outstanding;            /* DELIVERY_SENT */
    uint64_t pending_bytes;
    uint64_t arrivals;
    uint64_t sendings;
    uint64_t dropped;
};

struct queue_limits {
    uint64_t messages;
    uint64_t bytes;
};

/* Gives a delivery that keeps a reference to `message`; NULL: out of memory. */
struct delivery *delivery_new(struct message *message, uint8_t qos, bool retain,
                              const uint32_t *identifiers, uint16_t identifiers_count);
void delivery_free(struct delivery *delivery);
/* The packet identifier of a delivery that is inflight; never 0. */
uint16_t delivery_packet_id(const struct delivery *delivery);

/* Zero-initialised is empty. */
void queue_clear(struct queue *queue);
/* Drops what waits with QoS 0: its connection has gone. */
void queue_drop_qos0(struct queue *queue);
/* Takes the delivery into pending. False: there is no room, and it is freed. */
bool queue_push(struct queue *queue, const struct queue_limits *limits, struct delivery **delivery);
/* Lends what is to be sent next, or NULL: first what must be sent again after a reconnect, then
 * what is pending, oldest first; QoS 1 and 2 only while fewer than `window` are outstanding. */
struct delivery *queue_next(const struct queue *queue, size_t window);
/* Marks one of QoS 1 or 2 as sent; a pending one becomes inflight and gets its packet identifier.
 */
void queue_sent(struct queue *queue, struct delivery *delivery);
/* Removes and frees a delivery, wherever it is. */
void queue_remove(struct queue *queue, struct delivery *delivery);
/* Lends the inflight delivery with this packet identifier, or NULL. */
struct delivery *queue_find(const struct queue *queue, uint16_t packet_id);
/* PUBREC has come: the message is let go, the packet identifier stays taken. */
void queue_release(struct delivery *delivery);
/* A new connection: all that is inflight is to be sent again (MQTT 5, 4.4). */
void queue_restart(struct queue *queue);
/* How many are pending, of any QoS. */
size_t queue_pending(const struct queue *queue);
bool queue_idle(const struct queue *queue);
