// SPDX-License-Identifier: GPL-3.0-or-later
/* From a message to the sessions that want it, and from their queues to their sockets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/message.h"

struct broker;
struct client;
struct session;
struct share;

struct delivered {
    size_t matched;  /* sessions with a subscription that matches */
    size_t accepted; /* of those, the ones that had room or needed none */
};

/* A message as one session gets it; borrowed. */
struct deliver_copy {
    struct message *message;
    uint8_t qos;
    bool retain;
    uint16_t identifiers_count;
    const uint32_t *identifiers; /* subscription identifiers */
    struct share *share;         /* by which the session was chosen, or NULL */
};

/* Hands the message to each session that subscribed to its topic, once, with the highest QoS of its
 * subscriptions (MQTT 5, 3.3.5), and to one member of each share. A slow one costs the others
 * nothing: what is over its bounds is dropped for it alone. */
struct delivered deliver_message(struct broker *broker, struct message *message);
/* A message that has arrived: kept if it is to be retained, and delivered. Gives the reason code of
 * MQTT 5 for its acknowledgement. */
uint8_t deliver_publish(struct broker *broker, struct message *message);
/* Hands it to one session. False: it was dropped. */
bool deliver_to(struct broker *broker, struct session *session, const struct deliver_copy *copy);
/* The same for a retained message that a new subscription meets. There may be more of them than a
 * queue holds: they cost little, being kept anyway, so the bounds grow by what is retained.
 * False: it was dropped. */
bool deliver_retained(struct broker *broker, struct session *session,
                      const struct deliver_copy *copy);
/* The session ends: what it was chosen for, and has not acknowledged with QoS 1 or not been sent at
 * all, goes to the other members of the share (MQTT 5, 4.8.2). Ends its subscriptions. */
void deliver_hand_over(struct broker *broker, struct session *session);
/* Encodes what the client's session has waiting next, if its receive maximum admits it. False:
 * there is nothing more to be had. */
bool deliver_waiting(struct client *client);
