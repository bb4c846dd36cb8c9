// SPDX-License-Identifier: GPL-3.0-or-later
/* What is published when a connection ends without a DISCONNECT (MQTT 5, 3.1.2.5). */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/timer_wheel.h"
#include "broker/message.h"

struct session;

struct will {
    struct message *message;
    struct session *session;
    uint64_t delay_ms;
    struct timer delay; /* runs after the connection has ended */
};

/* Makes the will of a session that has none, and takes the message. False: out of memory. */
MUST_USE bool will_set(struct will **will, struct session *session, struct message *message,
                       uint64_t delay_ms);
/* Forgets it; NULL is fine, and what it becomes. */
void will_clear(struct will **will);
/* Gives the message (message_unref), whose life begins now, and forgets the will; NULL: there is
 * none. */
struct message *will_take(struct will **will, uint64_t now_ms);
