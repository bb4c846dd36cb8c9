// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/poller.h"

#include <assert.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READY_AT_ONCE = 512 };

/* An error or a hang-up is found by who reads or writes. */
static unsigned events_of(uint32_t ready, unsigned watched)
{
    const uint32_t broken = EPOLLERR | EPOLLHUP;
    unsigned events = 0;
    if (ready & (EPOLLIN | broken)) events |= POLLER_READ;
    if (ready & (EPOLLOUT | broken)) events |= POLLER_WRITE;
    return events & watched;
}

static void on_poll(uv_poll_t *handle, int status, int ready)
{
    struct poller *poller = CONTAINER_OF(handle, struct poller, handle);
    struct epoll_event events[READY_AT_ONCE];
    (void)status;
    (void)ready;
    int count = epoll_wait(poller->epoll, events, READY_AT_ONCE, 0); /* the rest: next turn */
    for (int i = 0; i < count; i++) {
        struct polled *polled = events[i].data.ptr;
        if (polled->fd >= 0) poller->on_ready(polled, events_of(events[i].events, polled->events));
    }
}

bool poller_open(struct poller *poller, uv_loop_t *loop, polled_fn *on_ready)
{
    poller->on_ready = on_ready;
    poller->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (poller->epoll < 0) return false;
    if (uv_poll_init(loop, &poller->handle, poller->epoll) != 0) {
        (void)close(poller->epoll); /* nothing is in it */
        return false;
    }
    (void)uv_poll_start(&poller->handle, UV_READABLE, on_poll); /* fails on a closed handle only */
    return true;
}

void poller_close(struct poller *poller, uv_close_cb on_closed)
{
    uv_close((uv_handle_t *)&poller->handle, on_closed);
    (void)close(poller->epoll); /* its sockets have been dropped */
}

bool poller_watch(const struct poller *poller, struct polled *polled, unsigned events)
{
    struct epoll_event wanted = {.data.ptr = polled};
    if (events == polled->events) return true;
    if (events & POLLER_READ) wanted.events |= EPOLLIN;
    if (events & POLLER_WRITE) wanted.events |= EPOLLOUT;
    int how = polled->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (epoll_ctl(poller->epoll, how, polled->fd, &wanted) != 0) return false;
    polled->events = (uint8_t)events;
    return true;
}

void poller_drop(const struct poller *poller, struct polled *polled)
{
    if (polled->fd < 0) return;
    bool forgotten = poller_watch(poller, polled, 0); /* before another descriptor is the same */
    assert(forgotten);
    (void)forgotten;
    (void)close(polled->fd); /* what could not be written has been told by then */
    polled->fd = -1;
    polled->events = 0;
}
