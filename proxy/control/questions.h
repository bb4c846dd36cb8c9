// SPDX-License-Identifier: GPL-3.0-or-later
/* The questions to one worker: they wait for each other, and the one whose turn it is gets a part
 * of each turn of the worker's loop. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include "base/attributes.h"
#include "proxy/control/ask.h"
#include "proxy/session.h"

struct questions {
    struct session_list *sessions;
    pthread_mutex_t lock; /* around these two */
    struct ask *waiting;  /* the oldest first */
    bool deaf;            /* answers nobody any more */
    struct ask *current;  /* that is being answered */
    uv_idle_t answering;  /* active meanwhile */
};

/* They are about `sessions`, which is borrowed until questions_clear. */
void questions_init(struct questions *questions, uv_loop_t *loop, struct session_list *sessions);
/* From any thread: keeps a reference to `ask` until it is answered; whoever adds wakes the worker.
 * False: there are too many, or nobody is answered any more. */
MUST_USE bool questions_add(struct questions *questions, struct ask *ask);
/* Begins with the oldest one, if none is being answered. */
void questions_begin(struct questions *questions);
/* Lets go of those who wait, answers nobody any more, and closes its handle. */
void questions_stop(struct questions *questions);
/* When the loop has ended. */
void questions_clear(struct questions *questions);
