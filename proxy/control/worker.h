// SPDX-License-Identifier: GPL-3.0-or-later
/* A thread with a loop, its listeners and its sessions. The main thread speaks to it by orders. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "proxy/incidents.h"
#include "proxy/inventory.h"
#include "proxy/snapshot.h"

struct ask;
struct worker;

/* Listening sockets, each with the index of its listener. */
struct worker_socket {
    size_t listener;
    int fd;
};

struct worker_sockets {
    struct worker_socket *items;
    size_t count;
};

/* What is remembered of its clients, beside counters; both NULL: nothing is. */
struct worker_memory {
    struct inventory *inventory; /* shared by all workers */
    struct incidents *incidents;
};

/* Gives a worker (worker_free) that is about to serve `sockets`, whose descriptors it takes in any
 * case; it keeps a reference to the snapshot and borrows the memory's two. Nothing is accepted
 * before worker_start. NULL: told why. */
struct worker *worker_new(struct snapshot *snapshot, const struct worker_memory *memory,
                          unsigned number, const struct worker_sockets *sockets, struct err *err);
/* Starts its thread. False: told why. */
MUST_USE bool worker_start(struct worker *worker, struct err *err);
/* Orders, from the main thread. Drain: accept no more, refuse who is not admitted yet, tell the
 * others to leave, as the drain of its snapshot's configuration says. Stop: end every session and
 * the thread. Cut: the same, without time for the clients to go by themselves. */
void worker_drain(struct worker *worker);
/* As worker_drain, but a successor has taken over: whoever has been accepted is not refused. */
void worker_hand_over(struct worker *worker);
void worker_stop(struct worker *worker);
void worker_cut(struct worker *worker);
/* Serves by `snapshot` from now on, of which it keeps a reference, and judges its sessions again.
 * `sockets` as in worker_new, without those that it has already. False: out of memory, and nothing
 * is taken. */
MUST_USE bool worker_install(struct worker *worker, struct snapshot *snapshot,
                             const struct worker_sockets *sockets);
/* Judges its sessions again by the snapshot that it has. */
void worker_recheck(struct worker *worker);
/* From any thread: has it answer `ask`, of which it keeps a reference meanwhile. False: it has too
 * many to answer, or is stopping. */
MUST_USE bool worker_ask(struct worker *worker, struct ask *ask);
/* It has heard that it is to drain, and has no session any more. */
bool worker_is_empty(const struct worker *worker);
/* How many sessions it has, about. */
size_t worker_sessions(const struct worker *worker);
/* When its loop turned last, by clock_monotonic_ms; it does so many times a second. */
uint64_t worker_seen_ms(const struct worker *worker);
/* Waits for the thread if one was started (after worker_stop), then frees. */
void worker_free(struct worker *worker);
