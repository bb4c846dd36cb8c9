// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/endpoint.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { KEEP_ALIVE_S = 60, KEEP_ALIVE_INTERVAL_S = 10, KEEP_ALIVE_COUNT = 3 };

struct pending_write {
    uv_write_t request;
    size_t length;
    uint8_t data[];
};

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct endpoint, uv.handle));
}

struct endpoint *endpoint_new(uv_loop_t *loop, bool is_unix, const struct endpoint_events *events,
                              void *owner)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (endpoint == NULL) return NULL;
    endpoint->events = events;
    endpoint->owner = owner;
    int failed = is_unix ? uv_pipe_init(loop, &endpoint->uv.pipe, 0)
                         : uv_tcp_init(loop, &endpoint->uv.tcp);
    if (failed == 0) return endpoint;
    free(endpoint);
    return NULL;
}

void endpoint_tune_socket(int fd, bool is_loopback)
{
    const int on = 1;
    const int idle_s = KEEP_ALIVE_S;
    const int interval_s = KEEP_ALIVE_INTERVAL_S;
    const int count = KEEP_ALIVE_COUNT;
    /* A socket that refuses these still works. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (is_loopback) return;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

bool endpoint_open(struct endpoint *endpoint, int fd)
{
    if (endpoint->uv.handle.type == UV_TCP) return uv_tcp_open(&endpoint->uv.tcp, fd) == 0;
    return uv_pipe_open(&endpoint->uv.pipe, fd) == 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct endpoint *endpoint = CONTAINER_OF(handle, struct endpoint, uv.handle);
    if (endpoint->owner == NULL)
        *buffer = uv_buf_init(NULL, 0);
    else
        *buffer = endpoint->events->lend(endpoint->owner);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    (void)buffer;
    struct endpoint *endpoint = CONTAINER_OF(stream, struct endpoint, uv.stream);
    if (endpoint->owner == NULL || length == 0) return;
    if (length > 0) {
        endpoint->events->on_data(endpoint->owner, (size_t)length);
        return;
    }
    endpoint_pause(endpoint);
    if (length == UV_EOF)
        endpoint->events->on_end(endpoint->owner);
    else
        endpoint->events->on_failure(endpoint->owner, (int)length);
}

void endpoint_resume(struct endpoint *endpoint)
{
    if (endpoint->wants_reading) return;
    endpoint->wants_reading = true;
    int failed = uv_read_start(&endpoint->uv.stream, on_alloc, on_read);
    (void)failed; /* only on a closing or unconnected handle: its end is told elsewhere */
}

void endpoint_pause(struct endpoint *endpoint)
{
    if (!endpoint->wants_reading) return;
    endpoint->wants_reading = false;
    (void)uv_read_stop(&endpoint->uv.stream); /* always 0 */
}

static void on_written(uv_write_t *request, int status)
{
    struct pending_write *written = CONTAINER_OF(request, struct pending_write, request);
    struct endpoint *endpoint = CONTAINER_OF(request->handle, struct endpoint, uv.stream);
    size_t length = written->length;
    free(written);
    endpoint->pending -= length;
    if (endpoint->owner == NULL) return;
    if (status < 0)
        endpoint->events->on_failure(endpoint->owner, status);
    else if (endpoint->pending == 0)
        endpoint->events->on_drained(endpoint->owner);
}

static bool queue(struct endpoint *endpoint, struct span data)
{
    struct pending_write *pending = malloc(sizeof *pending + data.length);
    if (pending == NULL) return false;
    pending->length = data.length;
    memcpy(pending->data, data.data, data.length);
    uv_buf_t buffer = uv_buf_init((char *)pending->data, (unsigned)data.length);
    if (uv_write(&pending->request, &endpoint->uv.stream, &buffer, 1, on_written) != 0) {
        free(pending);
        return false;
    }
    endpoint->pending += data.length;
    return true;
}

/* By hand in place of uv_try_write, which can neither say MSG_MORE nor keep SIGPIPE away. */
static bool write_now(struct endpoint *endpoint, struct span data, int flags)
{
    uv_os_fd_t fd = -1;
    if (data.length == 0) return true;
    if (endpoint->pending > 0) return queue(endpoint, data);
    if (uv_fileno(&endpoint->uv.handle, &fd) != 0) return false;
    ssize_t taken = 0;
    do
        taken = send(fd, data.data, data.length, flags | MSG_NOSIGNAL);
    while (taken < 0 && errno == EINTR);
    if (taken < 0 && (errno == EAGAIN || errno == ENOBUFS)) taken = 0;
    if (taken < 0) return false;
    if ((size_t)taken == data.length) return true;
    return queue(endpoint, (struct span){data.data + taken, data.length - (size_t)taken});
}

bool endpoint_write(struct endpoint *endpoint, struct span data)
{
    return write_now(endpoint, data, 0);
}

bool endpoint_write_last(struct endpoint *endpoint, struct span data)
{
    return write_now(endpoint, data, MSG_MORE);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    (void)status; /* the stream's own end tells the same */
    free(request);
}

void endpoint_shutdown(struct endpoint *endpoint)
{
    uv_shutdown_t *request = malloc(sizeof *request);
    if (request == NULL) return; /* the peer sees the end when the endpoint is closed */
    if (uv_shutdown(request, &endpoint->uv.stream, on_shutdown) != 0) free(request);
}

void endpoint_close(struct endpoint **endpoint)
{
    struct endpoint *closing = *endpoint;
    *endpoint = NULL;
    if (closing == NULL) return;
    closing->owner = NULL;
    if (!uv_is_closing(&closing->uv.handle)) uv_close(&closing->uv.handle, on_closed);
}

void endpoint_reset(struct endpoint **endpoint)
{
    struct endpoint *closing = *endpoint;
    if (closing == NULL || closing->uv.handle.type != UV_TCP ||
        uv_is_closing(&closing->uv.handle) ||
        uv_tcp_close_reset(&closing->uv.tcp, on_closed) != 0) {
        endpoint_close(endpoint);
        return;
    }
    closing->owner = NULL;
    *endpoint = NULL;
}
