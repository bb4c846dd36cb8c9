// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/listener.h"
#include "proxy/loop.h"
#include "proxy/session.h"

enum order { NO_ORDER, DRAIN, STOP, CUT };

struct worker {
    struct loop loop;
    struct snapshot *snapshot;
    struct session_list sessions;
    struct listener *listeners;
    size_t listeners_count;
    uv_async_t mailbox;
    uv_check_t after_turn;
    _Atomic enum order order;
    atomic_size_t sessions_count; /* published each turn, for the main thread */
    pthread_t thread;
    bool started;
    bool stopping;
};

static void stop_listening(struct worker *worker)
{
    for (size_t i = 0; i < worker->listeners_count; i++)
        listener_stop(&worker->listeners[i]);
}

/* What is left closes in the same turn or in the next ones; then uv_run ends by itself. */
static void stop(struct worker *worker)
{
    if (worker->stopping) return;
    worker->stopping = true;
    stop_listening(worker);
    session_list_end(&worker->sessions);
    uv_close((uv_handle_t *)&worker->mailbox, NULL);
}

static void on_order(uv_async_t *mailbox)
{
    struct worker *worker = CONTAINER_OF(mailbox, struct worker, mailbox);
    switch (atomic_load(&worker->order)) {
    case DRAIN:
        stop_listening(worker);
        session_list_drain(&worker->sessions);
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

/* The clients that are being told goodbye have their deadlines still; the tick ends with them. */
static void on_after_turn(uv_check_t *check)
{
    struct worker *worker = CONTAINER_OF(check, struct worker, after_turn);
    atomic_store_explicit(&worker->sessions_count, worker->sessions.count, memory_order_relaxed);
    if (!worker->stopping || worker->sessions.count > 0) return;
    if (uv_is_closing((uv_handle_t *)check)) return;
    uv_close((uv_handle_t *)check, NULL);
    loop_stop(&worker->loop);
}

static bool open_listeners(struct worker *worker, const int *fds, struct err *err)
{
    const struct config *config = worker->snapshot->config;
    worker->listeners = calloc(config->listeners_count, sizeof *worker->listeners);
    if (worker->listeners == NULL) return err_set(err, "out of memory");
    for (size_t i = 0; i < config->listeners_count; i++) {
        struct session_origin origin = {&worker->loop, worker->snapshot, i, &worker->sessions};
        bool is_unix = config->listeners[i].address.unix_path != NULL;
        worker->listeners_count = i + 1;
        if (!listener_start(&worker->listeners[i], &origin, fds[i], is_unix, err)) return false;
    }
    return true;
}

struct worker *worker_new(struct snapshot *snapshot, unsigned number, const int *fds,
                          struct err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL || !loop_init(&worker->loop, number, err)) {
        if (worker == NULL) err_set(err, "out of memory");
        free(worker);
        return NULL;
    }
    worker->snapshot = snapshot_ref(snapshot);
    CHECK(uv_async_init(&worker->loop.uv, &worker->mailbox, on_order) == 0);
    (void)uv_check_init(&worker->loop.uv, &worker->after_turn); /* these two always 0 */
    (void)uv_check_start(&worker->after_turn, on_after_turn);
    uv_unref((uv_handle_t *)&worker->after_turn);
    if (open_listeners(worker, fds, err)) return worker;
    worker_free(worker);
    return NULL;
}

static void *run(void *arg)
{
    struct worker *worker = arg;
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

void worker_stop(struct worker *worker)
{
    give_order(worker, STOP);
}

void worker_cut(struct worker *worker)
{
    give_order(worker, CUT);
}

size_t worker_sessions(const struct worker *worker)
{
    return atomic_load_explicit(&worker->sessions_count, memory_order_relaxed);
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
    snapshot_unref(worker->snapshot);
    free(worker->listeners);
    free(worker);
}
