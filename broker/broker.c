// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/broker.h"

#include <stdlib.h>

#include "broker/client.h"
#include "broker/internal.h"
#include "broker/leave.h"
#include "broker/listener.h"

uint64_t broker_now(const struct broker *broker)
{
    return uv_now(broker->loop);
}

void broker_set_timer(struct broker *broker, struct timer *timer, uint64_t delay_ms,
                      timer_fn *on_due)
{
    uint64_t behind = broker_now(broker) - broker->wheel.now_ms;
    timer_set(&broker->wheel, timer, delay_ms + behind, on_due);
}

static void on_tick(uv_timer_t *handle)
{
    struct broker *broker = handle->data;
    listener_resume_all(broker);
    timer_wheel_advance(&broker->wheel, broker_now(broker));
}

/* Everything that one turn of the loop has brought for a client leaves in one write. */
static void write_all(struct broker *broker)
{
    while (broker->dirty != NULL) {
        struct client *client = broker->dirty;
        broker->dirty = client->next_dirty;
        client->dirty = false;
        client_flush(client);
    }
    client_free_closed(broker);
}

static void on_before_poll(uv_prepare_t *handle)
{
    write_all(handle->data);
}

static void on_after_poll(uv_check_t *handle)
{
    write_all(handle->data);
}

struct broker *broker_new(uv_loop_t *loop, const struct broker_limits *limits)
{
    struct broker *broker = calloc(1, sizeof *broker);
    if (broker == NULL) return NULL;
    if (!poller_open(&broker->poller, loop, client_ready)) {
        free(broker);
        return NULL;
    }
    broker->poller.handle.data = broker;
    broker->loop = loop;
    broker->limits = *limits;
    timer_wheel_init(&broker->wheel, uv_now(loop));
    subscriptions_init(&broker->subscriptions);
    retained_init(&broker->retained, &broker->wheel, limits->max_retained_bytes);
    session_store_init(&broker->sessions, &broker->subscriptions, limits->max_sessions);
    broker->tick.data = broker->before_poll.data = broker->after_poll.data = broker;
    /* None of these six can fail: they only fill in structures. */
    (void)uv_timer_init(loop, &broker->tick);
    (void)uv_prepare_init(loop, &broker->before_poll);
    (void)uv_check_init(loop, &broker->after_poll);
    (void)uv_timer_start(&broker->tick, on_tick, BROKER_TICK_MS, BROKER_TICK_MS);
    (void)uv_prepare_start(&broker->before_poll, on_before_poll);
    (void)uv_check_start(&broker->after_poll, on_after_poll);
    broker->own_handles = 4;
    return broker;
}

bool broker_listen(struct broker *broker, const char *address, struct err *err)
{
    return listener_open(broker, address, err);
}

bool broker_set_access(struct broker *broker, const struct broker_access *access, struct err *err)
{
    return denied_set(&broker->denied, access, err) && login_open(broker, access, err);
}

void broker_publish_sys(struct broker *broker, uint64_t interval_ms, const char *version)
{
    sys_topics_start(broker, interval_ms, version);
}

void broker_reload(struct broker *broker)
{
    login_reload(broker);
}

bool broker_adopt(struct broker *broker, int fd, const char *identity)
{
    return client_open(broker, fd, identity);
}

void broker_handle_closed(struct broker *broker)
{
    if (!broker->stopping || broker->own_handles != 0 || broker->clients != NULL) return;
    if (broker->login.running != 0) return;
    if (broker->stopped != NULL) broker->stopped(broker->stopped_arg);
}

static void on_own_closed(uv_handle_t *handle)
{
    struct broker *broker = handle->data;
    broker->own_handles--;
    broker_handle_closed(broker);
}

/* The rest of the handles follow when the last client has gone: until then they serve it. */
void broker_client_gone(struct broker *broker)
{
    if (!broker->stopping || broker->clients != NULL) return;
    if (uv_is_closing((uv_handle_t *)&broker->tick)) return;
    uv_close((uv_handle_t *)&broker->tick, on_own_closed);
    uv_close((uv_handle_t *)&broker->before_poll, on_own_closed);
    poller_close(&broker->poller, on_own_closed);
    uv_close((uv_handle_t *)&broker->after_poll, on_own_closed);
}

void broker_stop(struct broker *broker, void (*done)(void *arg), void *arg)
{
    if (broker->stopping) return;
    broker->stopping = true;
    broker->stopped = done;
    broker->stopped_arg = arg;
    listener_close_all(broker);
    struct client *next = NULL;
    for (struct client *client = broker->clients; client != NULL; client = next) {
        next = client->next;
        leave_shut_down(client);
    }
    broker_client_gone(broker);
}

void broker_free(struct broker *broker)
{
    if (broker == NULL) return;
    assert(broker->own_handles == 0 && broker->clients == NULL);
    sys_topics_stop(broker);
    login_clear(&broker->login);
    denied_clear(&broker->denied);
    session_store_clear(&broker->sessions);
    subscriptions_clear(&broker->subscriptions);
    retained_clear(&broker->retained);
    outbox_pool_clear(&broker->pool);
    free(broker->matches.items);
    free(broker->matches.identifiers);
    free(broker);
}
