// SPDX-License-Identifier: GPL-3.0-or-later
/* Who may connect: by a password of the password file, or by the certificate that whoever handed
 * the socket over has verified. Passwords are hashed on libuv's threads, a few at once, while the
 * client waits in a bounded queue. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "broker/password.h"
#include "broker/password_file.h"

struct broker;
struct broker_access;
struct client;
struct login_job;
struct login_user;
struct mqtt_connect;

enum {
    LOGIN_AT_ONCE = 2, /* of libuv's four threads, which look up names and read files too */
    LOGIN_MOST_WAITING = 512,
    LOGIN_TIMEOUT_MS = 10000 /* of a client, from its CONNECT on */
};

/* How it stands with a client; of a refusal, why. */
enum login_state {
    LOGIN_UNKNOWN, /* not asked yet */
    LOGIN_WAITS,
    LOGIN_GRANTED,
    LOGIN_WRONG,     /* user name or password */
    LOGIN_ANONYMOUS, /* no user name, and no certificate that would do */
    LOGIN_BUSY       /* too many wait, or it took too long */
};

/* Zero-initialised: everybody is granted. */
struct login {
    char *path; /* of the password file, or NULL */
    bool by_certificate;
    struct password_file *users;
    char decoy[PASSWORD_HASH_ROOM]; /* what a user who is not there is compared with */
    struct login_job *first;        /* those that wait for a thread */
    struct login_job **last;
    size_t waiting;
    size_t running;
};

/* Reads the password file, whose path is kept. False: told why. */
MUST_USE bool login_open(struct broker *broker, const struct broker_access *access,
                         struct err *err);
/* Reads the file again and ends the clients whose user it does not have any more, or with another
 * password; a bad file is logged, and the users stay as they were. */
void login_reload(struct broker *broker);
/* No job may run any more. */
void login_clear(struct login *login);
/* Decides, or begins to: after LOGIN_WAITS connect_logged_in is called, unless the client goes. */
enum login_state login_ask(struct client *client, const struct mqtt_connect *connect);
/* Gives it (free); NULL: out of memory, as if nothing were known. */
struct login_user *login_user_new(struct span name, bool verified);
/* Nobody waits for the answer any more. */
void login_cancel(struct client *client);
