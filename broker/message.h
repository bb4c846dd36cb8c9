// SPDX-License-Identifier: GPL-3.0-or-later
/* One application message, kept once however many sessions wait for it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

struct message {
    uint32_t references;
    uint32_t payload_length;
    uint32_t properties_length;
    uint16_t topic_length;
    uint8_t qos;
    bool retain;
    uint64_t publisher;     /* number of the session it came from; 0: none */
    uint64_t lifetime_ms;   /* its expiry interval; 0: none */
    uint64_t expires_at_ms; /* monotonic; 0: never */
    uint8_t data[];         /* topic, properties, payload */
};

/* Gives a message (message_unref) with one reference, a copy of what is given. `properties` is the
 * checked block of a PUBLISH or a will as on the wire, empty before MQTT 5: what travels with the
 * message is kept of it, and the expiry interval is read. NULL: out of memory. */
struct message *message_new(struct span topic, struct span properties, struct span payload);
/* Its life begins: the expiry interval counts from `now_ms`. */
void message_begin(struct message *message, uint64_t now_ms);
struct message *message_ref(struct message *message);
void message_unref(struct message *message);
/* Each lends as long as the message lives. */
struct span message_topic(const struct message *message);
struct span message_properties(const struct message *message);
struct span message_payload(const struct message *message);
/* Bytes of memory that it takes, for the bounds of queues. */
size_t message_size(const struct message *message);
bool message_expired(const struct message *message, uint64_t now_ms);
