// SPDX-License-Identifier: GPL-3.0-or-later
/* What the files of the broker share; nobody outside this folder includes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/timer_wheel.h"
#include "broker/broker.h"
#include "broker/denied.h"
#include "broker/login.h"
#include "broker/outbox.h"
#include "broker/poller.h"
#include "broker/retained.h"
#include "broker/session_store.h"
#include "broker/subscriptions.h"
#include "broker/sys_topics.h"

enum {
    BROKER_READ_BYTES = 64 * 1024,
    BROKER_TICK_MS = 100,
    BROKER_SPARE_CONNECTIONS = 1024, /* beyond max_sessions: those without a CONNECT so far */
    BROKER_MAX_SUBSCRIPTIONS = 10000 /* per session */
};

struct client;
struct hold;
struct listener;

/* One session that a message goes to, whichever of its subscriptions match. */
struct match {
    struct session *session;
    uint32_t first_identifier; /* in struct matches; 0: none */
    uint8_t qos;
    bool retain;
    struct share *share; /* by which it was chosen, or NULL */
};

struct match_identifier {
    uint32_t identifier;
    uint32_t next;
};

/* Scratch of a delivery. */
struct matches {
    uint64_t stamp;
    struct match *items;
    size_t count;
    size_t room;
    struct match_identifier *identifiers; /* the first is not used */
    size_t identifiers_count;
    size_t identifiers_room;
};

struct broker {
    uv_loop_t *loop;
    struct broker_limits limits;
    uv_timer_t tick;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    struct poller poller; /* the sockets of the clients */
    unsigned own_handles; /* the four above and the listeners, as long as they are open */
    struct listener *listeners;
    struct client *clients;
    uint64_t clients_count;
    struct client *closed;     /* those that are to be freed */
    struct hold *held;         /* those that wait for a receiver */
    struct session *congested; /* by the last deliver_publish, or NULL; good until it returns */
    struct client *dirty;      /* those with something to write */
    struct timer_wheel wheel;
    struct outbox_pool pool;
    struct subscriptions subscriptions;
    struct retained retained;
    struct session_store sessions;
    struct matches matches;
    struct login login;
    struct denied denied;
    struct broker_counters counters;
    struct sys_topics sys;
    bool stopping;
    void (*stopped)(void *arg);
    void *stopped_arg;
    char read_buffer[BROKER_READ_BYTES];
};

/* Milliseconds, monotonic, as of this turn of the loop. */
uint64_t broker_now(const struct broker *broker);
/* timer_set with the delay counted from now. */
void broker_set_timer(struct broker *broker, struct timer *timer, uint64_t delay_ms,
                      timer_fn *on_due);
/* Calls `stopped` if nothing is open any more. The broker may be freed by that. */
void broker_handle_closed(struct broker *broker);
/* The last client has gone: a broker that stops closes what is left. */
void broker_client_gone(struct broker *broker);
