// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/ask.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"

/* Both sides hold it, since either may be the last to look. */
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

static void unref(struct question *question)
{
    if (atomic_fetch_sub_explicit(&question->references, 1, memory_order_acq_rel) != 1) return;
    (void)pthread_mutex_destroy(&question->lock); /* nobody holds it any more, nor waits */
    (void)pthread_cond_destroy(&question->answered);
    json_decref(question->listing.items);
    free(question->filter);
    free(question->listener);
    free(question);
}

static struct question *question_new(const struct session_query *query)
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
    if (!failed && question->listing.items != NULL) return question;
    unref(question);
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
    unref(question);
}

/* False: it has not answered until `until_ms`. */
static bool wait_for(struct question *question, uint64_t until_ms)
{
    const struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    int failed = 0;
    (void)pthread_mutex_lock(&question->lock); /* a plain mutex cannot fail */
    while (!question->done && failed == 0)
        failed = pthread_cond_timedwait(&question->answered, &question->lock, &until);
    bool answered = question->done && question->whole;
    (void)pthread_mutex_unlock(&question->lock);
    return answered;
}

/* False: no answer in time. */
static bool ask_one(struct worker *worker, const struct session_query *query, uint64_t until_ms,
                    struct ask_sessions *found)
{
    struct question *question = question_new(query);
    if (question == NULL) return false;
    bool answered = worker_ask(worker, &question->ask) && wait_for(question, until_ms);
    if (answered) {
        json_t *items = question->listing.items; /* the worker is done with them */
        question->listing.items = NULL;
        found->matched += question->listing.matched;
        answered = json_array_extend(found->items, items) == 0;
        json_decref(items);
    }
    unref(question);
    return answered;
}

struct ask_sessions ask_sessions(const struct fleet *fleet, const struct session_query *query,
                                 uint64_t deadline_ms)
{
    struct ask_sessions found = {.items = json_array(), .whole = true};
    uint64_t until_ms = clock_monotonic_ms() + deadline_ms;
    for (unsigned i = 0; i < fleet->count; i++) {
        struct session_query rest = *query;
        size_t have = json_array_size(found.items);
        rest.skip = query->skip > found.matched ? query->skip - found.matched : 0;
        rest.most = query->most > have ? query->most - have : 0;
        if (!ask_one(fleet->workers[i], &rest, until_ms, &found)) found.whole = false;
    }
    return found;
}
