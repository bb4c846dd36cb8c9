// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/deliver.h"

#include <stdlib.h>

#include "base/log.h"
#include "broker/client.h"
#include "broker/hold.h"
#include "broker/internal.h"
#include "broker/send.h"
#include "mqtt/reason.h"

/* One more entry in this delivery; NULL: out of memory. */
static struct match *match_new(struct matches *matches, struct session *session)
{
    if (matches->count == matches->room) {
        size_t room = matches->room == 0 ? 64 : 2 * matches->room;
        struct match *items = realloc(matches->items, room * sizeof items[0]);
        if (items == NULL) return NULL;
        matches->items = items;
        matches->room = room;
    }
    matches->items[matches->count] = (struct match){.session = session};
    return &matches->items[matches->count++];
}

/* The entry of a session's own subscriptions, made if there is none yet; NULL: out of memory. */
static struct match *match_of(struct matches *matches, struct session *session)
{
    if (session->match_stamp == matches->stamp) return &matches->items[session->match_index];
    struct match *match = match_new(matches, session);
    if (match == NULL) return NULL;
    session->match_stamp = matches->stamp;
    session->match_index = (uint32_t)matches->count - 1;
    return match;
}

static void note_identifier(struct matches *matches, struct match *match, uint32_t identifier)
{
    if (matches->identifiers_count == 0) matches->identifiers_count = 1;
    if (matches->identifiers_count >= matches->identifiers_room) {
        size_t room = matches->identifiers_room == 0 ? 64 : 2 * matches->identifiers_room;
        struct match_identifier *grown = realloc(matches->identifiers,
                                                 room * sizeof matches->identifiers[0]);
        if (grown == NULL) return;
        matches->identifiers = grown;
        matches->identifiers_room = room;
    }
    matches->identifiers[matches->identifiers_count] = (struct match_identifier){
        identifier, match->first_identifier};
    match->first_identifier = (uint32_t)matches->identifiers_count++;
}

struct visit {
    struct matches *matches;
    const struct message *message;
};

static struct session *session_of(const struct subscription *subscription)
{
    return CONTAINER_OF(subscription->key.subscriber, struct session, subscriber);
}

static uint8_t lower_qos(const struct subscription_options *options, const struct message *message)
{
    return options->qos < message->qos ? options->qos : message->qos;
}

static void on_match(void *arg, const struct subscription *subscription)
{
    const struct visit *visit = arg;
    const struct subscription_options *options = &subscription->options;
    struct session *session = session_of(subscription);
    if (options->no_local && session->number == visit->message->publisher) return;
    struct match *match = match_of(visit->matches, session);
    if (match == NULL) return;
    uint8_t qos = lower_qos(options, visit->message);
    if (qos > match->qos) match->qos = qos;
    if (options->retain_as_published && visit->message->retain) match->retain = true;
    if (options->identifier != 0) note_identifier(visit->matches, match, options->identifier);
}

/* Who is there and has nothing waiting comes first, then who is there. */
static unsigned distance(const struct subscription *member)
{
    const struct session *session = session_of(member);
    if (session->client == NULL) return 2;
    return queue_pending(session_queue(session)) == 0 ? 0 : 1;
}

/* The member whose turn it is, among those that are nearest. */
static const struct subscription *choose_member(struct share *share)
{
    struct subscription *start = share->turn != NULL ? share->turn : share->first;
    struct subscription *chosen = start;
    struct subscription *at = start;
    while (distance(chosen) != 0) {
        at = at->next != NULL ? at->next : share->first;
        if (at == start) break;
        if (distance(at) < distance(chosen)) chosen = at;
    }
    share->turn = chosen->next;
    return chosen;
}

static void on_share(void *arg, struct share *share)
{
    const struct visit *visit = arg;
    const struct subscription *member = choose_member(share);
    const struct subscription_options *options = &member->options;
    struct match *match = match_new(visit->matches, session_of(member));
    if (match == NULL) return;
    match->share = share;
    match->qos = lower_qos(options, visit->message);
    match->retain = options->retain_as_published && visit->message->retain;
    if (options->identifier != 0) note_identifier(visit->matches, match, options->identifier);
}

static bool deliver_match(struct broker *broker, const struct match *match, struct message *message)
{
    enum { MOST = 1024 }; /* more matching subscriptions of one session lose their identifier */
    uint32_t identifiers[MOST];
    uint16_t count = 0;
    uint32_t at = match->first_identifier;
    for (; at != 0 && count < MOST; at = broker->matches.identifiers[at].next)
        identifiers[count++] = broker->matches.identifiers[at].identifier;
    const struct deliver_copy copy = {.message = message,
                                      .qos = match->qos,
                                      .retain = match->retain,
                                      .identifiers = identifiers,
                                      .identifiers_count = count,
                                      .share = match->share};
    return deliver_to(broker, match->session, &copy);
}

struct delivered deliver_message(struct broker *broker, struct message *message)
{
    struct matches *matches = &broker->matches;
    struct visit visit = {matches, message};
    const struct subscription_visitor visitor = {on_match, on_share, &visit};
    struct delivered delivered = {0};
    matches->stamp++;
    matches->count = 0;
    matches->identifiers_count = 0;
    if (denied_topic(&broker->denied, message_topic(message))) return delivered;
    subscriptions_match(&broker->subscriptions, message_topic(message), &visitor);
    delivered.matched = matches->count;
    for (size_t i = 0; i < matches->count; i++)
        delivered.accepted += deliver_match(broker, &matches->items[i], message);
    return delivered;
}

/* The first one is told, and then ever fewer of them: the 2nd, 4th, 8th ... */
static bool is_worth_a_line(uint64_t count)
{
    return (count & (count - 1)) == 0;
}

static void log_refused(const struct retained *retained)
{
    struct log_line line;
    if (!is_worth_a_line(retained->refused)) return;
    log_begin(&line, LOG_WARN, "no room to retain a message");
    log_number(&line, "refused", (int64_t)retained->refused);
    log_number(&line, "bytes", (int64_t)retained->bytes);
    log_end(&line);
}

uint8_t deliver_publish(struct broker *broker, struct message *message)
{
    broker->congested = NULL; /* that of an earlier one may be gone */
    if (sys_topics_owns(message_topic(message))) return MQTT_REASON_NOT_AUTHORIZED;
    bool kept = !message->retain || retained_set(&broker->retained, message, broker_now(broker));
    if (!kept) log_refused(&broker->retained);
    struct delivered delivered = deliver_message(broker, message);
    if (!kept || (delivered.matched != 0 && delivered.accepted == 0))
        return MQTT_REASON_QUOTA_EXCEEDED;
    return delivered.matched == 0 ? MQTT_REASON_NO_MATCHING_SUBSCRIBERS : 0;
}

static void log_drop(const struct session *session)
{
    uint64_t dropped = session->queue->dropped;
    struct log_line line;
    if (!is_worth_a_line(dropped)) return;
    log_begin(&line, LOG_WARN, "queue is full");
    log_span(&line, "client_id", session_id(session));
    log_number(&line, "dropped", (int64_t)dropped);
    log_end(&line);
}

/* Half of what it may have waiting: time to slow down whoever fills it. */
static bool is_congested(const struct broker *broker, const struct session *session)
{
    const struct queue *queue = session_queue(session);
    return !session->slow && (queue_pending(queue) > broker->limits.max_queued_messages / 2 ||
                              queue->pending_bytes > broker->limits.max_queued_bytes / 2);
}

/* After something has left the queue: those who wait for that may go on. */
static void catch_up(struct broker *broker, struct session *session)
{
    const struct queue *queue = session_queue(session);
    if (queue_pending(queue) == 0) session->slow = false;
    if (session->awaited && queue_pending(queue) <= broker->limits.max_queued_messages / 4 &&
        queue->pending_bytes <= broker->limits.max_queued_bytes / 4)
        hold_release_all(broker, session);
}

/* Itself or others that had to make room. */
static void count_dropped(const struct session *session, uint64_t before)
{
    struct broker *broker = CONTAINER_OF(session->store, struct broker, sessions);
    broker->counters.publish_dropped += session->queue->dropped - before;
    log_drop(session);
}

static bool enqueue(struct session *session, const struct deliver_copy *copy,
                    const struct queue_limits *limits)
{
    struct queue *queue = session_make_queue(session);
    if (queue == NULL) return false;
    struct delivery *delivery = delivery_new(copy->message, copy->qos, copy->retain,
                                             copy->identifiers, copy->identifiers_count);
    if (delivery == NULL) return false;
    delivery->share = share_ref(copy->share);
    uint64_t dropped = queue->dropped;
    bool pushed = queue_push(queue, limits, &delivery);
    if (queue->dropped != dropped) count_dropped(session, dropped);
    return pushed;
}

/* The way of most messages of QoS 0: nothing is waiting, so it is encoded at once. */
static bool send_at_once(struct session *session, const struct deliver_copy *copy)
{
    struct client *client = session->client;
    if (copy->qos != 0 || queue_pending(session_queue(session)) != 0 ||
        client_is_backlogged(client))
        return false;
    const struct send_publish publish = {.message = copy->message,
                                         .retain = copy->retain,
                                         .identifiers = copy->identifiers,
                                         .identifiers_count = copy->identifiers_count};
    (void)send_publish(client, &publish); /* too large for it: not for it */
    return true;
}

static bool deliver_within(struct broker *broker, struct session *session,
                           const struct deliver_copy *copy, const struct queue_limits *limits)
{
    struct client *client = session->client;
    if (client == NULL && copy->qos == 0) return true; /* nobody is owed it (MQTT 5, 4.1) */
    if (client == NULL) return enqueue(session, copy, limits);
    if (client_is_backlogged(client)) client_write(client);
    if (send_at_once(session, copy)) return true;
    if (!enqueue(session, copy, limits)) return false;
    while (!client_is_backlogged(client) && deliver_waiting(client))
        ;
    client_touch(client);
    if (is_congested(broker, session)) broker->congested = session;
    return true;
}

static struct queue_limits limits_of(const struct broker *broker)
{
    return (struct queue_limits){broker->limits.max_queued_messages,
                                 broker->limits.max_queued_bytes};
}

bool deliver_to(struct broker *broker, struct session *session, const struct deliver_copy *copy)
{
    const struct queue_limits limits = limits_of(broker);
    return deliver_within(broker, session, copy, &limits);
}

bool deliver_retained(struct broker *broker, struct session *session,
                      const struct deliver_copy *copy)
{
    struct queue_limits limits = limits_of(broker);
    limits.messages += broker->retained.count;
    limits.bytes += broker->retained.bytes;
    return deliver_within(broker, session, copy, &limits);
}

static void hand_on(struct broker *broker, const struct delivery *delivery)
{
    struct share *share = delivery->share;
    struct message *message = delivery->message;
    if (share == NULL || share->first == NULL || message_expired(message, broker_now(broker)))
        return;
    const struct subscription *member = choose_member(share);
    const struct subscription_options *options = &member->options;
    const struct deliver_copy copy = {.message = message,
                                      .qos = lower_qos(options, message),
                                      .retain = options->retain_as_published && message->retain,
                                      .identifiers = &options->identifier,
                                      .identifiers_count = options->identifier != 0 ? 1 : 0,
                                      .share = share};
    (void)deliver_to(broker, session_of(member), &copy); /* dropped, and counted, if it is full */
}

void deliver_hand_over(struct broker *broker, struct session *session)
{
    const struct queue *queue = session_queue(session);
    subscriptions_remove_all(&broker->subscriptions, &session->subscriber);
    if (broker->stopping) return;
    for (const struct delivery *at = queue->inflight.first; at != NULL; at = at->next)
        if (at->qos == 1) hand_on(broker, at); /* of QoS 2 nobody else may get it */
    for (const struct delivery *at = queue->pending.first; at != NULL; at = at->next)
        hand_on(broker, at);
}

/* Encodes one delivery; it stays only if an acknowledgement is awaited. */
static void send_delivery(struct client *client, struct delivery *delivery)
{
    struct queue *queue = client->session->queue; /* it is in there */
    bool again = delivery->state == DELIVERY_RESEND;
    if (delivery->qos != 0) queue_sent(queue, delivery);
    if (delivery->message == NULL) {
        send_ack(client, MQTT_PUBREL, delivery_packet_id(delivery), 0);
        return;
    }
    const struct send_publish publish = {
        .message = delivery->message,
        .qos = delivery->qos,
        .retain = delivery->retain,
        .again = again,
        .packet_id = delivery->qos == 0 ? 0 : delivery_packet_id(delivery),
        .identifiers = delivery->identifiers,
        .identifiers_count = delivery->identifiers_count,
    };
    bool sent = send_publish(client, &publish);
    if (!sent || delivery->qos == 0) queue_remove(queue, delivery);
}

bool deliver_waiting(struct client *client)
{
    struct session *session = client->session;
    struct delivery *next = queue_next(session_queue(session), client->receive_maximum);
    if (next == NULL) return false;
    if (next->state == DELIVERY_PENDING &&
        message_expired(next->message, broker_now(client->broker)))
        queue_remove(session->queue, next);
    else
        send_delivery(client, next);
    catch_up(client->broker, session);
    return true;
}
