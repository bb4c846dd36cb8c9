// SPDX-License-Identifier: GPL-3.0-or-later
/* The broker about itself, in the topics that Mosquitto has: $SYS/broker/... They are published
 * with QoS 0, retained apart from other messages, each time that they have changed. Nobody else may
 * publish there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/timer_wheel.h"
#include "broker/retained.h"

struct broker;

/* Since the start. */
struct broker_counters {
    uint64_t messages_received; /* packets of any type */
    uint64_t messages_sent;
    uint64_t bytes_received;
    uint64_t bytes_sent;
    uint64_t publish_received;
    uint64_t publish_sent;
    uint64_t publish_dropped;
    uint64_t publish_bytes_received; /* of payload */
    uint64_t publish_bytes_sent;
    uint64_t sockets;     /* connections that were opened */
    uint64_t connections; /* CONNECTs that were admitted */
    uint64_t expired;     /* sessions */
    uint64_t connected;   /* now */
    uint64_t connected_most;
};

enum { SYS_LOADS = 9 };

/* What a counter gained in a minute, smoothed over 1, 5 and 15 minutes. */
struct sys_load {
    uint64_t before;
    double minutes[3];
};

/* Zero-initialised: nothing is published. */
struct sys_topics {
    struct retained retained;
    struct timer timer;
    uint64_t interval_ms;
    uint64_t started_ms;
    uint64_t last_ms;
    struct sys_load loads[SYS_LOADS];
    char version[64];
};

/* Publishes now, and then every `interval_ms`; 0: never. */
void sys_topics_start(struct broker *broker, uint64_t interval_ms, const char *version);
void sys_topics_stop(struct broker *broker);
bool sys_topics_owns(struct span topic);
