// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/ask.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What is behind a `struct ask`. */
struct question {
    struct ask ask;
    atomic_uint references;
    pthread_mutex_t lock; /* around these two */
    pthread_cond_t answered;
    bool done;
    bool whole;
    char *filter;
    char *listener;
    struct session_listing listing; /* the worker's until it is done */
};

static struct question *question_of(struct ask *ask)
{
    return CONTAINER_OF(ask, struct question, ask);
}

static char *copy(const char *text, bool *failed)
{
    char *copied = text == NULL ? NULL : strdup(text);
    *failed = *failed || (text != NULL && copied == NULL);
    return copied;
}

void ask_unref(struct ask *ask)
{
    struct question *question = question_of(ask);
    if (atomic_fetch_sub_explicit(&question->references, 1, memory_order_acq_rel) != 1) return;
    (void)pthread_mutex_destroy(&question->lock); /* nobody holds it any more, nor waits */
    (void)pthread_cond_destroy(&question->answered);
    json_decref(question->listing.items);
    free(question->filter);
    free(question->listener);
    free(question);
}

struct ask *ask_new(const struct session_query *query)
{
    struct question *question = calloc(1, sizeof *question);
    pthread_condattr_t clock;
    bool failed = false;
    if (question == NULL) return NULL;
    atomic_init(&question->references, 1);
    (void)pthread_mutex_init(&question->lock, NULL); /* these cannot fail */
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&question->answered, &clock);
    (void)pthread_condattr_destroy(&clock);
    question->filter = copy(query->filter, &failed);
    question->listener = copy(query->listener, &failed);
    question->listing = (struct session_listing){
        .query = {question->filter, question->listener, query->skip, query->most},
        .items = json_array()
    };
    if (!failed && question->listing.items != NULL) return &question->ask;
    ask_unref(&question->ask);
    return NULL;
}

struct ask *ask_ref(struct ask *ask)
{
    (void)atomic_fetch_add_explicit(&question_of(ask)->references, 1, memory_order_relaxed);
    return ask;
}

struct session_listing *ask_listing(struct ask *ask)
{
    return &question_of(ask)->listing;
}

void ask_answer(struct ask *ask, bool whole)
{
    struct question *question = question_of(ask);
    (void)pthread_mutex_lock(&question->lock); /* a plain mutex cannot fail */
    question->done = true;
    question->whole = whole;
    (void)pthread_cond_signal(&question->answered); /* always 0 */
    (void)pthread_mutex_unlock(&question->lock);
    ask_unref(ask);
}

bool ask_wait(struct ask *ask, uint64_t until_ms)
{
    struct question *question = question_of(ask);
    const struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    int failed = 0;
    (void)pthread_mutex_lock(&question->lock); /* a plain mutex cannot fail */
    while (!question->done && failed == 0)
        failed = pthread_cond_timedwait(&question->answered, &question->lock, &until);
    bool answered = question->done && question->whole;
    (void)pthread_mutex_unlock(&question->lock);
    return answered;
}
