// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/control/questions.h"
#include "proxy/listener.h"
#include "proxy/loop.h"
#include "proxy/session.h"

enum order { NO_ORDER, DRAIN, HAND_OVER, STOP, CUT };

enum { JUDGED_AT_ONCE = 100 }; /* sessions in one turn of the loop: a millisecond or two */

/* A generation that is on its way to the worker's thread. */
struct news {
    struct news *next;
    struct snapshot *snapshot;
    size_t count;
    struct worker_socket sockets[];
};

struct worker {
    struct loop loop;
    struct snapshot *snapshot;
    struct session_list sessions;
    struct listener **listeners; /* one a socket, none of them NULL */
    size_t listeners_count;
    uv_async_t mailbox;
    uv_idle_t judging; /* active during a recheck */
    uv_check_t after_turn;
    uv_idle_t hurrying; /* active while handshakes wait for a turn of the loop */
    _Atomic enum order order;
    atomic_bool recheck;
    struct questions questions;
    pthread_mutex_t lock;         /* around the next one */
    struct news *news;            /* the oldest first */
    atomic_size_t sessions_count; /* published each turn, for the main thread, as the next one */
    atomic_uint_fast64_t seen_ms;
    atomic_bool drains; /* published after a count that nobody adds to any more */
    pthread_t thread;
    bool started;
    bool stopping;
};

static void stop_listening(struct worker *worker)
{
    for (size_t i = 0; i < worker->listeners_count; i++)
        listener_stop(&worker->listeners[i]);
    worker->listeners_count = 0;
}

static void close_sockets(const struct worker_socket *sockets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)close(sockets[i].fd); /* nothing was accepted from it */
}

/* ------------------------------------------------------------------------------------ judgement */

static void on_judging(uv_idle_t *idle)
{
    struct worker *worker = CONTAINER_OF(idle, struct worker, judging);
    if (!session_list_judge(&worker->sessions, JUDGED_AT_ONCE)) (void)uv_idle_stop(idle);
}

static void recheck(struct worker *worker)
{
    if (worker->sessions.draining) return; /* all of them leave anyway */
    session_list_recheck(&worker->sessions);
    (void)uv_idle_start(&worker->judging, on_judging); /* fails only without a callback */
}

/* ----------------------------------------------------------------------------- a new generation */

static size_t find_address(const struct config *config, const char *address)
{
    for (size_t i = 0; i < config->listeners_count; i++)
        if (strcmp(config->listeners[i].address.text, address) == 0) return i;
    return SIZE_MAX;
}

/* Room for one more in worker->listeners is the caller's to have. */
static bool open_listener(struct worker *worker, struct snapshot *snapshot,
                          const struct worker_socket *socket, struct err *err)
{
    struct session_origin origin = {&worker->loop, snapshot, socket->listener, &worker->sessions};
    const struct config_address *address = &snapshot->config->listeners[socket->listener].address;
    struct listener *listener = listener_start(&origin, socket->fd, address, err);
    if (listener == NULL) return false;
    worker->listeners[worker->listeners_count++] = listener;
    return true;
}

/* Those that are in the configuration still go on by the new generation. */
static void keep_listeners(struct worker *worker, struct snapshot *snapshot)
{
    size_t kept = 0;
    for (size_t i = 0; i < worker->listeners_count; i++) {
        struct listener *listener = worker->listeners[i];
        size_t index = find_address(snapshot->config, listener->address);
        if (index == SIZE_MAX) {
            listener_stop(&listener);
            continue;
        }
        listener->origin = (struct session_origin){&worker->loop, snapshot, index,
                                                   &worker->sessions};
        worker->listeners[kept++] = listener;
    }
    worker->listeners_count = kept;
}

static void serve(struct worker *worker, const struct news *news)
{
    struct err err = {{0}};
    size_t room = worker->listeners_count + news->count + 1;
    struct listener **listeners = reallocarray(worker->listeners, room, sizeof(struct listener *));
    CHECK(listeners != NULL); /* half a generation would be worse */
    worker->listeners = listeners;
    keep_listeners(worker, news->snapshot);
    for (size_t i = 0; i < news->count; i++)
        if (!open_listener(worker, news->snapshot, &news->sockets[i], &err))
            log_event(LOG_ERROR, "listener not started", err.text);
}

/* Contexts that both generations share judge by the new CRLs from now on. */
static void trust_anew(const struct worker *worker)
{
    struct snapshot *snapshot = worker->snapshot;
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        tls_context_set_trust(snapshot->listeners[i].tls[worker->loop.number],
                              snapshot->listeners[i].trust);
}

static void install(struct worker *worker, struct news *news)
{
    serve(worker, news);
    snapshot_unref(worker->snapshot);
    worker->snapshot = news->snapshot;
    worker->sessions.snapshot = news->snapshot;
    trust_anew(worker);
    recheck(worker);
    free(news);
}

static void discard(struct news *news)
{
    close_sockets(news->sockets, news->count);
    snapshot_unref(news->snapshot);
    free(news);
}

static struct news *take_news(struct worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock); /* a plain mutex cannot fail */
    struct news *news = worker->news;
    if (news != NULL) worker->news = news->next;
    (void)pthread_mutex_unlock(&worker->lock);
    return news;
}

static void read_news(struct worker *worker)
{
    struct news *news = NULL;
    while ((news = take_news(worker)) != NULL) {
        if (worker->stopping || worker->sessions.draining)
            discard(news);
        else
            install(worker, news);
    }
    if (atomic_exchange(&worker->recheck, false) && !worker->stopping) recheck(worker);
}

/* --------------------------------------------------------------------------------------- orders */

bool worker_ask(struct worker *worker, struct ask *ask)
{
    bool taken = questions_add(&worker->questions, ask);
    if (taken) (void)uv_async_send(&worker->mailbox); /* fails only on a closed handle */
    return taken;
}

/* What is left closes in the same turn or in the next ones; then uv_run ends by itself. */
static void stop(struct worker *worker)
{
    if (worker->stopping) return;
    worker->stopping = true;
    stop_listening(worker);
    questions_stop(&worker->questions);
    session_list_end(&worker->sessions);
    uv_close((uv_handle_t *)&worker->judging, NULL);
    uv_close((uv_handle_t *)&worker->hurrying, NULL);
    uv_close((uv_handle_t *)&worker->mailbox, NULL);
}

static void drain(struct worker *worker)
{
    const struct config_drain *drain = &worker->snapshot->config->drain;
    stop_listening(worker);
    worker->sessions.admits = atomic_load(&worker->order) == HAND_OVER;
    session_list_drain(&worker->sessions, drain->spread_ms, drain->timeout_ms);
}

static void on_order(uv_async_t *mailbox)
{
    struct worker *worker = CONTAINER_OF(mailbox, struct worker, mailbox);
    read_news(worker);
    questions_begin(&worker->questions);
    switch (atomic_load(&worker->order)) {
    case DRAIN:
    case HAND_OVER:
        drain(worker);
        break;
    case STOP:
        stop(worker);
        break;
    case CUT:
        stop(worker);
        session_list_cut(&worker->sessions);
        break;
    case NO_ORDER:
        break;
    }
}

static void on_hurrying(uv_idle_t *idle)
{
    (void)idle; /* that it is there keeps the loop from waiting */
}

static void take_turns(struct worker *worker)
{
    if (!session_take_turns(&worker->loop))
        (void)uv_idle_stop(&worker->hurrying); /* always 0 */
    else if (!worker->stopping)
        (void)uv_idle_start(&worker->hurrying, on_hurrying); /* fails only without a callback */
}

/* The clients that are being told goodbye have their deadlines still; the tick ends with them. */
static void on_after_turn(uv_check_t *check)
{
    struct worker *worker = CONTAINER_OF(check, struct worker, after_turn);
    take_turns(worker);
    atomic_store_explicit(&worker->sessions_count, worker->sessions.count, memory_order_relaxed);
    if (worker->sessions.draining)
        atomic_store_explicit(&worker->drains, true, memory_order_release);
    atomic_store_explicit(&worker->seen_ms, worker->loop.deadlines.now_ms, memory_order_relaxed);
    if (!worker->stopping || worker->sessions.count > 0) return;
    if (uv_is_closing((uv_handle_t *)check)) return;
    uv_close((uv_handle_t *)check, NULL);
    loop_stop(&worker->loop);
}

static bool open_listeners(struct worker *worker, const struct worker_sockets *sockets,
                           struct err *err)
{
    worker->listeners = calloc(sockets->count + 1, sizeof(struct listener *));
    if (worker->listeners == NULL) {
        close_sockets(sockets->items, sockets->count);
        return err_set(err, "out of memory");
    }
    for (size_t i = 0; i < sockets->count; i++) {
        if (open_listener(worker, worker->snapshot, &sockets->items[i], err)) continue;
        close_sockets(sockets->items + i + 1, sockets->count - i - 1);
        return false;
    }
    return true;
}

struct worker *worker_new(struct snapshot *snapshot, const struct worker_memory *memory,
                          unsigned number, const struct worker_sockets *sockets, struct err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL || !loop_init(&worker->loop, number, err)) {
        if (worker == NULL) err_set(err, "out of memory");
        close_sockets(sockets->items, sockets->count);
        free(worker);
        return NULL;
    }
    worker->snapshot = snapshot_ref(snapshot);
    worker->sessions.snapshot = snapshot;
    worker->sessions.inventory = memory->inventory;
    worker->sessions.incidents = memory->incidents;
    atomic_init(&worker->seen_ms, worker->loop.deadlines.now_ms);
    (void)pthread_mutex_init(&worker->lock, NULL); /* cannot fail for a plain mutex */
    CHECK(uv_async_init(&worker->loop.uv, &worker->mailbox, on_order) == 0);
    (void)uv_check_init(&worker->loop.uv, &worker->after_turn); /* these always 0 */
    (void)uv_idle_init(&worker->loop.uv, &worker->judging);
    (void)uv_idle_init(&worker->loop.uv, &worker->hurrying);
    questions_init(&worker->questions, &worker->loop.uv, &worker->sessions);
    (void)uv_check_start(&worker->after_turn, on_after_turn);
    uv_unref((uv_handle_t *)&worker->after_turn);
    if (open_listeners(worker, sockets, err)) return worker;
    worker_free(worker);
    return NULL;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    char name[16]; /* the kernel's limit */
    (void)snprintf(name, sizeof name, "worker-%u", worker->loop.number);
    (void)pthread_setname_np(pthread_self(), name); /* for people alone */
    (void)uv_run(&worker->loop.uv, UV_RUN_DEFAULT); /* ends when every handle is closed */
    return NULL;
}

bool worker_start(struct worker *worker, struct err *err)
{
    int failed = pthread_create(&worker->thread, NULL, run, worker);
    if (failed != 0) return err_set(err, "cannot start a worker thread: %s", strerror(failed));
    worker->started = true;
    return true;
}

static void give_order(struct worker *worker, enum order order)
{
    atomic_store(&worker->order, order);
    (void)uv_async_send(&worker->mailbox); /* fails only on a closed handle */
}

void worker_drain(struct worker *worker)
{
    give_order(worker, DRAIN);
}

void worker_hand_over(struct worker *worker)
{
    give_order(worker, HAND_OVER);
}

void worker_stop(struct worker *worker)
{
    give_order(worker, STOP);
}

void worker_cut(struct worker *worker)
{
    give_order(worker, CUT);
}

bool worker_install(struct worker *worker, struct snapshot *snapshot,
                    const struct worker_sockets *sockets)
{
    size_t size = sockets->count * sizeof *sockets->items;
    struct news *news = malloc(sizeof *news + size);
    if (news == NULL) return false;
    news->next = NULL;
    news->snapshot = snapshot_ref(snapshot);
    news->count = sockets->count;
    if (size > 0) memcpy(news->sockets, sockets->items, size);
    (void)pthread_mutex_lock(&worker->lock); /* a plain mutex cannot fail */
    struct news **last = &worker->news;
    while (*last != NULL)
        last = &(*last)->next;
    *last = news;
    (void)pthread_mutex_unlock(&worker->lock);
    (void)uv_async_send(&worker->mailbox); /* fails only on a closed handle */
    return true;
}

void worker_recheck(struct worker *worker)
{
    atomic_store(&worker->recheck, true);
    (void)uv_async_send(&worker->mailbox); /* fails only on a closed handle */
}

size_t worker_sessions(const struct worker *worker)
{
    return atomic_load_explicit(&worker->sessions_count, memory_order_relaxed);
}

bool worker_is_empty(const struct worker *worker)
{
    return atomic_load_explicit(&worker->drains, memory_order_acquire) &&
           worker_sessions(worker) == 0;
}

uint64_t worker_seen_ms(const struct worker *worker)
{
    return atomic_load_explicit(&worker->seen_ms, memory_order_relaxed);
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) return;
    if (worker->started) {
        (void)pthread_join(worker->thread, NULL); /* it is ours and joinable */
    } else {
        stop(worker);
        (void)run(worker);
    }
    loop_clear(&worker->loop);
    for (struct news *news = take_news(worker); news != NULL; news = take_news(worker))
        discard(news);
    questions_clear(&worker->questions);
    (void)pthread_mutex_destroy(&worker->lock); /* nobody holds it any more */
    snapshot_unref(worker->snapshot);
    free(worker->listeners);
    free(worker);
}
