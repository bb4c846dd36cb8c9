// SPDX-License-Identifier: GPL-3.0-or-later
/* What is known of one server, over all generations of the configuration that name it: whether it
 * is up, who is on it, where its name leads. Any thread; a client's way takes the lock only when
 * something has gone wrong, or when the server is a name. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attributes.h"
#include "proxy/backend/line.h"
#include "proxy/backend/vitals.h"

enum { SERVER_WORDS = 200 };

/* The addresses that a name stands for, with the server's port. Immutable, counted. */
struct server_addresses {
    atomic_uint references;
    size_t count;
    struct sockaddr_storage items[];
};

struct server_state {
    atomic_uint references;
    atomic_uint connections; /* sessions, and dials that are under way */
    atomic_uint most;        /* of them; 0: any number */
    atomic_uint waiting;     /* clients whose home it is and who wait for room on it */
    struct line line;        /* those; under the lock of the backend's queue */
    atomic_bool down;        /* as in vitals */
    atomic_bool troubled;    /* a dial that succeeds is worth telling */
    pthread_mutex_t lock;    /* around what follows */
    struct vitals vitals;
    int64_t since_ms; /* wall clock: since when it is what it is; 0: since the start */
    char words[SERVER_WORDS];
    struct server_addresses *addresses; /* NULL: not resolved */
    char unresolved[SERVER_WORDS];      /* why not; "": nobody knows yet */
};

/* Gives a state (server_state_unref) of a server that is up and may have `most` connections. NULL:
 * out of memory. */
struct server_state *server_state_new(unsigned most);
struct server_state *server_state_ref(struct server_state *state);
void server_state_unref(struct server_state *state);

/* What a dial or a check has found: `why` NULL, it is there; otherwise a sentence. Give whether the
 * server is up or down now and was not before. */
bool server_state_dialled(struct server_state *state, const struct vitals_rule *rule,
                          const char *why, uint64_t now_ms);
bool server_state_checked(struct server_state *state, const struct vitals_rule *rule,
                          const char *why);
/* Whether a dial may be made now; as vitals_take_dial. */
bool server_state_take_dial(struct server_state *state, const struct vitals_rule *rule,
                            uint64_t now_ms);
/* The same, but nothing is taken. */
bool server_state_may_dial(struct server_state *state, const struct vitals_rule *rule,
                           uint64_t now_ms);
bool server_state_in_doubt(struct server_state *state);
/* What it did last, or why it is up or down. */
void server_state_words(struct server_state *state, char out[SERVER_WORDS]);
int64_t server_state_since_ms(struct server_state *state);

/* Puts `addresses`, which it takes, in the place of those before; the last good ones stay when
 * there is NULL and `why`. */
void server_state_resolve(struct server_state *state, struct server_addresses *addresses,
                          const char *why);
/* Gives the addresses (server_addresses_unref), or NULL: there are none, and `why`; "": not yet. */
struct server_addresses *server_state_addresses(struct server_state *state, char why[SERVER_WORDS]);
struct server_addresses *server_addresses_new(size_t count);
void server_addresses_unref(struct server_addresses *addresses);
