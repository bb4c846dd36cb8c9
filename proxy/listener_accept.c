// SPDX-License-Identifier: GPL-3.0-or-later
/* Accepting, and not accepting for a moment. By hand and not by uv_listen, which takes a connection
 * before it asks, and which without a free descriptor closes those that wait. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/admission/descriptors.h"
#include "proxy/endpoint.h"
#include "proxy/listener.h"

enum {
    ACCEPTS_A_TURN = 2, /* so that who is in is heard between them */
    SMOOTH_RATE = 100,  /* from here on many may come in RATE_PAUSE_MS */
    RATE_PAUSE_MS = 10,
    DESCRIPTORS_PAUSE_MS = 100,
    MEMORY_PAUSE_MS = 500,
    HANDSHAKES_PAUSE_MS = 5,
    MOST_PUT_OFF = 64, /* handshakes that wait for a worker; the rest waits in the kernel's queue */
    NOTICE_MS = 60000
};

static void on_readable(uv_poll_t *door, int status, int events);

static void on_pause_ends(uv_timer_t *timer)
{
    struct listener *listener = CONTAINER_OF(timer, struct listener, pause);
    int failed = uv_poll_start(&listener->door, UV_READABLE, on_readable);
    CHECK(failed == 0); /* only for a closing handle */
}

static const struct snapshot_listener *settings_of(const struct listener *listener)
{
    return &listener->origin.snapshot->listeners[listener->origin.listener];
}

static void pause_accepting(struct listener *listener, enum listener_pause why, uint64_t delay_ms)
{
    struct listener_counters *counters = settings_of(listener)->counters;
    (void)atomic_fetch_add_explicit(&counters->pauses[why], 1, memory_order_relaxed);
    (void)uv_poll_stop(&listener->door); /* these always 0 */
    (void)uv_timer_start(&listener->pause, on_pause_ends, delay_ms, 0);
}

/* ------------------------------------------------------------------------------- out of something
 */

static void pause_for_descriptors(struct listener *listener)
{
    static struct notice notice; /* of the process, which has them */
    struct log_line line;
    uint64_t count = 0;
    pause_accepting(listener, PAUSE_DESCRIPTORS, DESCRIPTORS_PAUSE_MS);
    if (!notice_due(&notice, clock_monotonic_ms(), NOTICE_MS, &count)) return;
    log_begin(&line, LOG_ERROR, "accepting paused");
    log_text(&line, "listener", settings_of(listener)->config->name);
    log_number(&line, "limit", (int64_t)descriptors_limit());
    log_text(&line, "reason", "descriptors");
    log_text(&line, "error",
             "the file descriptors of this process are used up: clients that are in go on, new "
             "ones wait until some leave; raise LimitNOFILE= of the unit or `ulimit -n`");
    log_end(&line);
}

static void pause_for_memory(struct listener *listener)
{
    static struct notice notice; /* of the process, as above */
    struct log_line line;
    uint64_t count = 0;
    pause_accepting(listener, PAUSE_MEMORY, MEMORY_PAUSE_MS);
    if (!notice_due(&notice, clock_monotonic_ms(), NOTICE_MS, &count)) return;
    log_begin(&line, LOG_ERROR, "accepting paused");
    log_text(&line, "listener", settings_of(listener)->config->name);
    log_text(&line, "reason", "memory");
    log_text(&line, "error",
             "out of memory: clients that are in go on, new ones wait; give Postern more memory, "
             "or lower max_connections");
    log_end(&line);
}

/* True: the next connection may be better. */
static bool goes_on_after(struct listener *listener, int error)
{
    switch (error) {
    case EAGAIN:
        return false; /* another worker of a unix listener has it, or there is none */
    case EMFILE:
    case ENFILE:
        pause_for_descriptors(listener);
        return false;
    case ENOBUFS:
    case ENOMEM:
        pause_for_memory(listener);
        return false;
    default:
        return true; /* it has failed already (accept(2): as EAGAIN, by retrying) */
    }
}

/* ------------------------------------------------------------------------------------- accepting
 */

/* Claims what a client needs. False: it has to wait, if there is one: the listener pauses only
 * where it has been told so (`somebody_waits`), and what is not there may have come back otherwise.
 */
static bool claim(struct listener *listener, struct session_arrival *arrival, bool somebody_waits)
{
    const struct snapshot_listener *settings = settings_of(listener);
    uint64_t rate = settings->config->limits.handshakes_per_second;
    unsigned descriptors = listener->origin.snapshot->descriptors;
    if (listener->origin.loop->turns_count >= MOST_PUT_OFF) {
        if (somebody_waits) pause_accepting(listener, PAUSE_HANDSHAKES, HANDSHAKES_PAUSE_MS);
        return false;
    }
    if (!descriptors_claim(descriptors)) {
        if (somebody_waits) pause_for_descriptors(listener);
        return false;
    }
    uint64_t wait_ms = rate == 0 ? 0
                                 : token_bucket_take(&settings->counters->handshakes, rate,
                                                     uv_hrtime() / 1000);
    if (wait_ms > 0) {
        descriptors_release(descriptors);
        /* The bucket holds more than what comes meanwhile, so that nothing is lost by it. */
        if (rate >= SMOOTH_RATE && wait_ms < RATE_PAUSE_MS) wait_ms = RATE_PAUSE_MS;
        if (somebody_waits) pause_accepting(listener, PAUSE_RATE, wait_ms);
        return false;
    }
    arrival->has_token = rate > 0;
    arrival->descriptors = descriptors;
    return true;
}

static void give_back(struct listener *listener, const struct session_arrival *arrival)
{
    const struct snapshot_listener *settings = settings_of(listener);
    if (arrival->has_token)
        token_bucket_return(&settings->counters->handshakes,
                            settings->config->limits.handshakes_per_second);
    descriptors_release(arrival->descriptors);
}

/* False: no more for now. */
static bool accept_one(struct listener *listener, bool somebody_waits)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof peer;
    struct session_arrival arrival = {.peer = (struct sockaddr *)&peer,
                                      .is_unix = listener->is_unix};
    if (!claim(listener, &arrival, somebody_waits)) return false;
    arrival.fd = accept4(listener->fd, (struct sockaddr *)&peer, &length,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (arrival.fd < 0) {
        int error = errno;
        give_back(listener, &arrival);
        return goes_on_after(listener, error);
    }
    if (session_accept(&listener->origin, &arrival)) return true;
    pause_for_memory(listener);
    return false;
}

static void on_readable(uv_poll_t *door, int status, int events)
{
    struct listener *listener = CONTAINER_OF(door, struct listener, door);
    (void)events;
    (void)status; /* accept says it better */
    for (int i = 0; i < ACCEPTS_A_TURN && accept_one(listener, i == 0); i++)
        ;
}

/* ------------------------------------------------------------------------------- start and stop */

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    if (--listener->handles == 0) free(listener);
}

static bool is_unix_socket(int fd)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof name;
    return getsockname(fd, (struct sockaddr *)&name, &length) == 0 && name.ss_family == AF_UNIX;
}

struct listener *listener_start(const struct session_origin *origin, int fd,
                                const struct config_address *address, struct err *err)
{
    uv_loop_t *loop = &origin->loop->uv;
    size_t length = strlen(address->text) + 1;
    struct listener *listener = calloc(1, sizeof *listener + length);
    int failed = listener == NULL ? UV_ENOMEM : uv_poll_init(loop, &listener->door, fd);
    if (failed != 0) {
        free(listener);
        (void)close(fd); /* nothing was accepted from it */
        err_set(err, "cannot accept connections: %s", uv_strerror(failed));
        return NULL;
    }
    listener->is_unix = is_unix_socket(fd); /* one that was passed in may be either */
    if (!listener->is_unix) endpoint_tune_socket(fd, false);
    (void)uv_timer_init(loop, &listener->pause); /* always 0 */
    listener->door.data = listener->pause.data = listener;
    listener->handles = 2;
    listener->fd = fd;
    listener->origin = *origin;
    memcpy(listener->address, address->text, length);
    on_pause_ends(&listener->pause);
    return listener;
}

void listener_stop(struct listener **listener)
{
    struct listener *stopping = *listener;
    *listener = NULL;
    if (stopping == NULL) return;
    uv_close((uv_handle_t *)&stopping->pause, on_closed);
    uv_close((uv_handle_t *)&stopping->door, on_closed);
    (void)close(stopping->fd); /* nothing is polled on it any more */
}
