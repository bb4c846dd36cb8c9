// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/included_broker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "broker/broker.h"
#include "commands/broker_limits.h"

enum { MOST_WAITING = 4096 };

/* A client at the door. */
struct arrival {
    int fd;
    char *identity; /* or NULL */
};

struct included_broker {
    uv_loop_t loop;
    uv_async_t mailbox;
    struct broker *broker;
    pthread_t thread;
    pthread_mutex_t lock; /* around the rest */
    struct arrival waiting[MOST_WAITING];
    size_t waiting_count;
    bool reload;
    bool stopping;
    bool begun; /* the thread runs */
};

static void on_broker_stopped(void *arg)
{
    struct included_broker *included = arg;
    uv_close((uv_handle_t *)&included->mailbox, NULL);
}

static void on_mail(uv_async_t *mailbox)
{
    struct included_broker *included = CONTAINER_OF(mailbox, struct included_broker, mailbox);
    struct arrival arrivals[MOST_WAITING];
    (void)pthread_mutex_lock(&included->lock); /* a plain mutex of ours cannot fail */
    size_t count = included->waiting_count;
    memcpy(arrivals, included->waiting, count * sizeof arrivals[0]);
    included->waiting_count = 0;
    bool reload = included->reload;
    included->reload = false;
    bool stopping = included->stopping;
    (void)pthread_mutex_unlock(&included->lock);
    if (reload) broker_reload(included->broker);
    for (size_t i = 0; i < count; i++) {
        /* Refused: it is closed, which the proxy sees. */
        (void)broker_adopt(included->broker, arrivals[i].fd, arrivals[i].identity);
        free(arrivals[i].identity);
    }
    if (stopping) broker_stop(included->broker, on_broker_stopped, included);
}

static bool adopt(void *arg, int fd, const char *identity)
{
    struct included_broker *included = arg;
    char *name = identity == NULL ? NULL : strdup(identity); /* no memory: as without one */
    (void)pthread_mutex_lock(&included->lock);
    bool room = included->waiting_count < MOST_WAITING && !included->stopping;
    if (room) included->waiting[included->waiting_count++] = (struct arrival){fd, name};
    (void)pthread_mutex_unlock(&included->lock);
    if (room) {
        (void)uv_async_send(&included->mailbox); /* fails only on a closed handle */
        return true;
    }
    free(name);
    (void)close(fd); /* nothing was sent on it */
    return false;
}

static void reload(void *arg)
{
    struct included_broker *included = arg;
    (void)pthread_mutex_lock(&included->lock);
    included->reload = true;
    (void)pthread_mutex_unlock(&included->lock);
    (void)uv_async_send(&included->mailbox); /* it is open as long as there is somebody to call */
}

static void *run(void *arg)
{
    struct included_broker *included = arg;
    (void)uv_run(&included->loop, UV_RUN_DEFAULT); /* ends when every handle is closed */
    return NULL;
}

/* Makes the broker; its thread comes later. */
static bool start(struct included_broker *included, const struct config_broker *config,
                  struct err *err)
{
    const struct broker_limits limits = broker_limits_of(config);
    const struct broker_access access = broker_access_of(config);
    included->broker = broker_new(&included->loop, &limits);
    if (included->broker == NULL) return err_set(err, "the included broker has no memory");
    if (!broker_set_access(included->broker, &access, err)) return false;
    broker_publish_sys(included->broker, config->sys_interval_ms, broker_version());
    return true;
}

static bool begin(void *arg)
{
    struct included_broker *included = arg;
    included->begun = pthread_create(&included->thread, NULL, run, included) == 0;
    return included->begun;
}

struct included_broker *included_broker_start(const struct config_broker *config, struct err *err)
{
    struct included_broker *included = calloc(1, sizeof *included);
    if (included == NULL || uv_loop_init(&included->loop) != 0) {
        free(included);
        err_set(err, "the included broker has no event loop: out of memory or descriptors");
        return NULL;
    }
    (void)pthread_mutex_init(&included->lock, NULL); /* cannot fail for a plain mutex */
    CHECK(uv_async_init(&included->loop, &included->mailbox, on_mail) == 0);
    if (start(included, config, err)) return included;
    if (included->broker != NULL)
        broker_stop(included->broker, on_broker_stopped, included);
    else
        on_broker_stopped(included);
    (void)run(included);
    broker_free(included->broker);
    CHECK(uv_loop_close(&included->loop) == 0);
    free(included);
    return NULL;
}

struct builtin_broker included_broker_door(struct included_broker *broker)
{
    return (struct builtin_broker){adopt, reload, begin, broker};
}

void included_broker_stop(struct included_broker *included)
{
    if (included == NULL) return;
    (void)pthread_mutex_lock(&included->lock);
    included->stopping = true;
    (void)pthread_mutex_unlock(&included->lock);
    (void)uv_async_send(&included->mailbox); /* it is open until on_broker_stopped */
    if (included->begun)
        (void)pthread_join(included->thread, NULL); /* it is ours and joinable */
    else
        (void)run(included);
    broker_free(included->broker);
    CHECK(uv_loop_close(&included->loop) == 0);
    (void)pthread_mutex_destroy(&included->lock); /* nobody holds it any more */
    free(included);
}
