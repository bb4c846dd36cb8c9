// SPDX-License-Identifier: GPL-3.0-or-later
/* Moves bytes between a client's TLS stream and a backend, both ways, as fast as the slower side
 * takes them: while one side has something pending, the other is not read. Thread: its loop's.
 *
 *   client --ciphertext--> tls --plaintext--> backend
 *   client <--ciphertext-- tls <--plaintext-- backend                                            */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "proxy/counters.h"
#include "proxy/endpoint.h"
#include "proxy/packets.h"
#include "proxy/tls/stream.h"

struct relay {
    struct tls_io *io;        /* the loop's */
    struct tls_stream *tls;   /* the session's */
    struct endpoint *client;  /* the session's */
    struct endpoint *backend; /* the session's; NULL before it is dialled */
    struct packets from_client;
    struct packets from_backend;
    struct counters *counters;  /* the listener's, of this thread */
    uint64_t bytes_from_client; /* plaintext */
    uint64_t bytes_from_backend;
    struct span waiting; /* owned: ciphertext that goes to the client with what comes next */
    struct span preface; /* owned: goes in front of the CONNECT, uncounted */
    bool client_ends;    /* what comes from it now is its last */
    bool client_ended;   /* sends no more */
    bool backend_ended;
    bool client_held; /* is not read, whatever the backend takes */
};

/* Sends what TLS has to say to the client. False: the client's stream is broken, or it reads
 * nothing of what it asks for. */
MUST_USE bool relay_flush(struct relay *relay);
/* Keeps what TLS has to say until there is more to say, so that one write does for both: where an
 * answer is sure to come, as after a CONNECT. False: out of memory, nothing was kept. */
MUST_USE bool relay_keep(struct relay *relay);
/* Plaintext of the client to the backend. False: the backend's stream is broken. */
MUST_USE bool relay_to_backend(struct relay *relay, struct span plaintext);
/* Sends a copy of `preface` in one write with the CONNECT that comes next. False: out of memory. */
MUST_USE bool relay_set_preface(struct relay *relay, struct span preface);
/* The client's CONNECT to the backend, uncounted, for another one may get it too. False: the
 * backend's stream is broken. */
MUST_USE bool relay_send_connect(struct relay *relay, struct span connect);
/* Counts what was sent in another way. */
void relay_count_from_client(struct relay *relay, struct span plaintext);
/* Frees what is the relay's own. */
void relay_clear(struct relay *relay);
/* Plaintext of the backend to the client. False: the client's stream is broken. */
MUST_USE bool relay_to_client(struct relay *relay, struct span plaintext);
/* One side has taken all that was pending for it: the other is read again. */
void relay_client_drained(struct relay *relay);
void relay_backend_drained(struct relay *relay);
/* The client is not read until it is released. */
void relay_hold_client(struct relay *relay);
void relay_release_client(struct relay *relay);
/* One side sends no more: passes that on (close_notify and FIN to the client, FIN to the backend).
 */
MUST_USE bool relay_end_to_client(struct relay *relay);
void relay_end_to_backend(struct relay *relay);
