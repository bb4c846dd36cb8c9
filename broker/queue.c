// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/queue.h"

#include <stdlib.h>
#include <string.h>

#include "broker/subscriptions.h"

enum { PACKET_IDS = 65535 };

struct delivery *delivery_new(struct message *message, uint8_t qos, bool retain,
                              const uint32_t *identifiers, uint16_t identifiers_count)
{
    size_t list = identifiers_count * sizeof identifiers[0];
    struct delivery *delivery = malloc(sizeof *delivery + list);
    if (delivery == NULL) return NULL;
    *delivery = (struct delivery){.message = message_ref(message),
                                  .qos = qos,
                                  .retain = retain,
                                  .identifiers_count = identifiers_count};
    if (list != 0) memcpy(delivery->identifiers, identifiers, list);
    return delivery;
}

void delivery_free(struct delivery *delivery)
{
    message_unref(delivery->message);
    share_unref(delivery->share);
    free(delivery);
}

uint16_t delivery_packet_id(const struct delivery *delivery)
{
    return (uint16_t)(1 + delivery->order % PACKET_IDS);
}

static void append(struct delivery_list *list, struct delivery *delivery)
{
    delivery->next = NULL;
    delivery->previous = list->last;
    if (list->last != NULL)
        list->last->next = delivery;
    else
        list->first = delivery;
    list->last = delivery;
    list->count++;
}

static void detach(struct delivery_list *list, struct delivery *delivery)
{
    if (delivery->previous != NULL)
        delivery->previous->next = delivery->next;
    else
        list->first = delivery->next;
    if (delivery->next != NULL)
        delivery->next->previous = delivery->previous;
    else
        list->last = delivery->previous;
    list->count--;
}

static struct delivery_list *list_of(struct queue *queue, const struct delivery *delivery)
{
    if (delivery->state != DELIVERY_PENDING) return &queue->inflight;
    return delivery->qos == 0 ? &queue->pending_qos0 : &queue->pending;
}

void queue_remove(struct queue *queue, struct delivery *delivery)
{
    if (delivery == queue->resend) queue->resend = delivery->next;
    if (delivery->state == DELIVERY_SENT) queue->outstanding--;
    if (delivery->state == DELIVERY_PENDING)
        queue->pending_bytes -= message_size(delivery->message);
    detach(list_of(queue, delivery), delivery);
    delivery_free(delivery);
}

static void clear_list(struct queue *queue, struct delivery_list *list)
{
    while (list->first != NULL)
        queue_remove(queue, list->first); // NOLINT(clang-analyzer-*): each time the next one
}

void queue_clear(struct queue *queue)
{
    clear_list(queue, &queue->inflight);
    clear_list(queue, &queue->pending);
    clear_list(queue, &queue->pending_qos0);
}

void queue_drop_qos0(struct queue *queue)
{
    clear_list(queue, &queue->pending_qos0);
}

static bool has_room(const struct queue *queue, const struct queue_limits *limits, size_t size)
{
    return queue->pending.count + queue->pending_qos0.count < limits->messages &&
           queue->pending_bytes + size <= limits->bytes;
}

bool queue_push(struct queue *queue, const struct queue_limits *limits, struct delivery **delivery)
{
    struct delivery *taken = *delivery;
    size_t size = message_size(taken->message);
    *delivery = NULL;
    while (taken->qos != 0 && queue->pending_qos0.first != NULL && !has_room(queue, limits, size)) {
        queue_remove(queue, queue->pending_qos0.first); // NOLINT(clang-analyzer-*): as above
        queue->dropped++;
    }
    if (!has_room(queue, limits, size)) {
        queue->dropped++;
        delivery_free(taken);
        return false;
    }
    taken->state = DELIVERY_PENDING;
    taken->order = queue->arrivals++;
    queue->pending_bytes += size;
    append(list_of(queue, taken), taken);
    return true;
}

struct delivery *queue_next(const struct queue *queue, size_t window)
{
    bool open = queue->outstanding < window;
    struct delivery *next = queue->pending_qos0.first;
    if (open && queue->resend != NULL) return queue->resend;
    if (!open || queue->resend != NULL || queue->pending.first == NULL) return next;
    if (next != NULL && next->order < queue->pending.first->order) return next;
    return queue->pending.first;
}

/* The sendings inflight are younger than the first one, so their identifiers can only meet when it
 * is a whole round behind. */
static bool is_taken(const struct queue *queue, uint64_t sending)
{
    const struct delivery *at = queue->inflight.first;
    if (at == NULL || sending - at->order < PACKET_IDS) return false;
    while (at != NULL && (sending - at->order) % PACKET_IDS != 0)
        at = at->next;
    return at != NULL;
}

void queue_sent(struct queue *queue, struct delivery *delivery)
{
    assert(delivery->qos != 0 && delivery->state != DELIVERY_SENT);
    queue->outstanding++;
    if (delivery->state == DELIVERY_RESEND) {
        assert(delivery == queue->resend);
        queue->resend = delivery->next;
        delivery->state = DELIVERY_SENT;
        return;
    }
    queue->pending_bytes -= message_size(delivery->message);
    detach(&queue->pending, delivery);
    while (is_taken(queue, queue->sendings))
        queue->sendings++;
    delivery->order = queue->sendings++;
    delivery->state = DELIVERY_SENT;
    append(&queue->inflight, delivery);
}

struct delivery *queue_find(const struct queue *queue, uint16_t packet_id)
{
    struct delivery *at = queue->inflight.first;
    while (at != NULL && delivery_packet_id(at) != packet_id)
        at = at->next;
    return at;
}

void queue_release(struct delivery *delivery)
{
    message_unref(delivery->message);
    delivery->message = NULL;
}

void queue_restart(struct queue *queue)
{
    for (struct delivery *at = queue->inflight.first; at != NULL; at = at->next)
        at->state = DELIVERY_RESEND;
    queue->resend = queue->inflight.first;
    queue->outstanding = 0;
}

size_t queue_pending(const struct queue *queue)
{
    return queue->pending.count + queue->pending_qos0.count;
}

bool queue_idle(const struct queue *queue)
{
    return queue_pending(queue) + queue->inflight.count == 0;
}
