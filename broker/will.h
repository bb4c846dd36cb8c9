// SPDX-License-Identifier: GPL-3.0-or-later
/* What is published when a connection ends without a DISCONNECT (MQTT 5, 3.1.2.5). */
#pragma once

#include <stdint.h>

#include "base/timer_wheel.h"
#include "broker/message.h"

/* Zero-initialised: there is none. */
struct will {
    struct message *message;
    uint64_t delay_ms;
    struct timer delay; /* runs after the connection has ended */
};

/* Takes the message in the place of the one before. */
void will_set(struct will *will, struct message **message, uint64_t delay_ms);
/* Forgets it. */
void will_clear(struct will *will);
/* Gives the message (message_unref), whose life begins now, and forgets it; NULL: there is none. */
struct message *will_take(struct will *will, uint64_t now_ms);
