// SPDX-License-Identifier: GPL-3.0-or-later
/* One connection: its socket, what is read and written, and how far it has come. It is freed
 * between two turns of the loop and nowhere else, so no call below frees it under its caller. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/timer_wheel.h"
#include "broker/login.h"
#include "broker/outbox.h"
#include "broker/poller.h"
#include "mqtt/packet.h"

struct broker;
struct hold;
struct session;

/* Named by what is awaited. */
enum client_state {
    CLIENT_OPENING,
    CLIENT_AWAIT_CONNECT,
    CLIENT_AWAIT_LOGIN,   /* the CONNECT is whole and stays unread until its password is compared */
    CLIENT_AWAIT_PACKETS, /* CONNACK 0 is sent, there is a session */
    CLIENT_AWAIT_END,     /* the last packet is on its way; what comes is thrown away */
    CLIENT_AWAIT_CLOSE
};

enum {
    CLIENT_CONNECT_TIMEOUT_MS = 10000,
    CLIENT_END_TIMEOUT_MS = 2000,
    /* With more than this in its outbox a client gets nothing that can wait, and with as many bytes
     * of answers in it it is not read either: it has to take what it asked for first. About what a
     * socket takes in one write. */
    CLIENT_OUTBOX_HIGH = 64 * 1024
};

/* What was read and is no whole packet yet, or has to wait. */
struct unread {
    size_t length;
    size_t room;
    bool holds_connect; /* in which a password may be */
    uint8_t data[];
};

struct topic_alias {
    uint16_t length; /* 0: not set */
    uint8_t *topic;
};

/* Who it is: by its verified certificate, or by the password that it has logged in with. */
struct login_user {
    uint32_t proof; /* of the hash it was compared with */
    bool verified;  /* by certificate */
    uint16_t name_length;
    uint8_t name[];
};

struct client {
    struct polled socket;
    struct broker *broker;
    struct client *next;
    struct client **link;
    struct client *next_dirty; /* or that is closed */
    uint8_t state;             /* enum client_state */
    uint8_t version;           /* enum mqtt_version; 0 until CONNECT */
    uint8_t answered;          /* enum login_state; LOGIN_UNKNOWN until there is an answer */
    bool dirty;
    bool reading;
    bool writing; /* the socket is full */
    bool shut;    /* our direction has been closed */
    bool failed;  /* a write has failed */
    struct outbox outbox;
    struct unread *unread; /* or NULL */
    struct timer deadline;
    uint64_t last_read_ms;
    uint32_t keep_alive_ms; /* 1.5 times; 0: none */
    uint32_t answers;       /* bytes in the outbox, at most, that answer what the client sent */
    struct session *session;
    struct hold *hold;       /* not read until a session has caught up, or NULL */
    struct login_job *login; /* while its password is compared */
    struct login_user *user; /* NULL: it is not known who it is */
    /* What CONNECT said. */
    uint32_t maximum_packet_size; /* 0: no limit */
    uint16_t receive_maximum;
    bool resumed;                       /* its session is older than the connection */
    struct topic_alias *aliases;        /* limits.topic_alias_maximum of them, once one is used */
    struct topic_aliases *sent_aliases; /* NULL: it takes none */
};

/* Takes a connected socket, of a client with this name in its verified certificate (NULL: none).
 * False: there is no room, and it is closed. */
bool client_open(struct broker *broker, int fd, const char *identity);
/* What a socket is ready for. */
void client_ready(struct polled *socket, unsigned events);
/* Frees those that are closed; from outside of all other calls. */
void client_free_closed(struct broker *broker);
/* The CONNECT is whole: it stays where it is, and nothing is read, until the login is answered. */
void client_await_login(struct client *client);
/* The CONNECT was admitted; `keep_alive_ms` is 1.5 times what holds. */
void client_connected(struct client *client, uint32_t keep_alive_ms);
/* There is something to write, or to be fetched from its session: before the loop waits again. */
void client_touch(struct client *client);
/* The turn of a touched client: writes, fetches from the session, reads on if it had stopped. */
void client_flush(struct client *client);
/* Writes at once what the socket takes. */
void client_write(struct client *client);
/* The outbox is full enough: what can wait has to. */
bool client_is_backlogged(const struct client *client);
/* Sends what is in the outbox, then ends the connection properly. No session may be left. */
void client_end(struct client *client);
/* Ends the connection without another word. No session may be left. */
void client_close(struct client *client);
