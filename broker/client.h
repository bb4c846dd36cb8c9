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
    uint8_t *data;
    size_t length;
    size_t room;
};

struct topic_alias {
    uint16_t length; /* 0: not set */
    uint8_t *topic;
};

/* Who has logged in with a password. */
struct login_user {
    uint32_t proof; /* of the hash it was compared with */
    uint16_t name_length;
    uint8_t name[];
};

struct client {
    struct polled socket;
    struct broker *broker;
    struct client *next;
    struct client **link;
    struct client *next_dirty; /* or that is closed */
    enum client_state state;
    enum mqtt_version version; /* 0 until CONNECT */
    bool dirty;
    bool reading;
    bool writing; /* the socket is full */
    bool shut;    /* our direction has been closed */
    bool failed;  /* a write has failed */
    struct outbox outbox;
    size_t answers; /* bytes in the outbox, at most, that answer what the client sent */
    struct unread unread;
    struct timer deadline;
    uint64_t last_read_ms;
    uint64_t keep_alive_ms; /* 1.5 times; 0: none */
    struct session *session;
    struct session *held_for; /* not read until this one has caught up, or NULL */
    struct client *next_held;
    struct client **held_link;
    struct timer hold;
    char *identity;            /* the name in its verified certificate, or NULL */
    struct login_job *login;   /* while its password is compared */
    struct login_user *user;   /* NULL: no password was asked for */
    enum login_state answered; /* LOGIN_UNKNOWN until there is an answer */
    /* What CONNECT said. */
    uint16_t receive_maximum;
    uint32_t maximum_packet_size;       /* 0: no limit */
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
void client_connected(struct client *client, uint64_t keep_alive_ms);
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
