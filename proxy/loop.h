// SPDX-License-Identifier: GPL-3.0-or-later
/* What a worker thread lends its sessions: the libuv loop, one buffer of each kind, the deadlines.
 * No buffer belongs to an idle connection. Thread: its own. */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/timer_wheel.h"
#include "proxy/tls/stream.h"

enum { LOOP_BUFFER_BYTES = 65536 };

struct turn;
struct loop_note;
typedef void loop_note_fn(struct loop_note *note);

/* What another thread has to say to something that lives on a loop, and embeds this. */
struct loop_note {
    struct loop_note *next;
    struct loop_note **link; /* what points to this one; NULL: not on its way */
    loop_note_fn *on_note;   /* the owner's to set */
};

struct loop {
    uv_loop_t uv;
    struct timer_wheel deadlines;
    uv_timer_t tick;
    unsigned number;    /* of the worker, from 0 */
    struct turn *turns; /* handshakes that have been put off, the first one first */
    struct turn **turns_end;
    size_t turns_count;
    uint64_t handshakes_ns;  /* spent on them in this turn of the loop */
    struct tls_io tls;       /* ciphertext in and out */
    uint8_t *ciphertext;     /* what was read from a client */
    uint8_t *plaintext;      /* what a client's TLS gave, or what was read from a backend */
    uv_async_t arrival;      /* of notes */
    pthread_mutex_t lock;    /* around the notes that are on their way */
    struct loop_note *notes; /* the first one first */
    struct loop_note **notes_end;
};

/* False: told why; nothing is left open. */
MUST_USE bool loop_init(struct loop *loop, unsigned number, struct err *err);
/* From any thread: `note` is kept until its on_note is called, on the loop, in the order of
 * posting. Whoever posts sees to it that the loop lives. */
void loop_post(struct loop *loop, struct loop_note *note);
/* On the loop: it is not called any more, if it is on its way. */
void loop_unpost(struct loop *loop, struct loop_note *note);
/* Stops the tick and the notes, so that the loop can end once every other handle is closed. */
void loop_stop(struct loop *loop);
/* After uv_run has ended with every handle closed. */
void loop_clear(struct loop *loop);
