// SPDX-License-Identifier: GPL-3.0-or-later
/* The included broker: MQTT 3.1, 3.1.1 and 5 over plaintext streams, on one libuv loop. It opens no
 * port by itself: its owner hands it connected sockets, or asks it to listen. One thread: its
 * loop's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/err.h"

struct broker;

struct broker_limits {
    uint16_t max_keep_alive_s; /* 0: none; MQTT 5 clients are told by Server Keep Alive */
    uint16_t receive_maximum;
    uint32_t max_packet_size;
    uint16_t topic_alias_maximum;
    uint64_t max_sessions;
    uint64_t max_queued_messages; /* per session */
    uint64_t max_queued_bytes;    /* per session */
    uint64_t max_session_expiry_ms;
    bool retain;
    uint64_t max_retained_bytes;
};

/* Who may connect, and what nobody may read. */
struct broker_access {
    const char *password_file;         /* NULL: everybody may connect */
    bool certificate_login;            /* a verified certificate does in place of a password */
    const char *const *subscribe_deny; /* topic filters */
    size_t subscribe_deny_count;
};

/* Gives a broker (broker_free) on `loop`, which it keeps; NULL: out of memory. */
struct broker *broker_new(uv_loop_t *loop, const struct broker_limits *limits);
/* Listens on HOST:PORT or unix:PATH as well (see listener.h); false: told why. */
MUST_USE bool broker_listen(struct broker *broker, const char *address, struct err *err);
/* Restricts who may connect, once, before the first client; copies what it keeps. False: told why.
 */
MUST_USE bool broker_set_access(struct broker *broker, const struct broker_access *access,
                                struct err *err);
/* Publishes $SYS topics every `interval_ms` (0: never); `version` is the text of
 * $SYS/broker/version. Due once, from the loop's thread or before it runs. */
void broker_publish_sys(struct broker *broker, uint64_t interval_ms, const char *version);
/* Reads the password file again; see login.h. From the loop's thread. */
void broker_reload(struct broker *broker);
/* Takes a connected stream socket (closes it), from the loop's thread. `identity` is the name in
 * the certificate of the client, which has been verified; NULL: none. False: it is closed, and the
 * broker has no room. */
bool broker_adopt(struct broker *broker, int fd, const char *identity);
/* Ends all clients (MQTT 5: DISCONNECT 0x8B) and closes every handle; `done` is called from the
 * loop when the last one is closed; only then broker_free. A second call does nothing. */
void broker_stop(struct broker *broker, void (*done)(void *arg), void *arg);
void broker_free(struct broker *broker);
