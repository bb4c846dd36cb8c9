// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/endpoint.h"

#include <stdlib.h>
#include <string.h>

enum { KEEP_ALIVE_S = 60 };

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

void endpoint_tune(struct endpoint *endpoint)
{
    if (endpoint->uv.handle.type != UV_TCP) return;
    /* A socket that refuses these still works. */
    (void)uv_tcp_nodelay(&endpoint->uv.tcp, 1);
    (void)uv_tcp_keepalive(&endpoint->uv.tcp, 1, KEEP_ALIVE_S);
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

bool endpoint_write(struct endpoint *endpoint, struct span data)
{
    if (data.length == 0) return true;
    if (endpoint->pending > 0) return queue(endpoint, data);
    /* libuv wants a pointer to char; it does not write through it. */
    uv_buf_t buffer = {.base = (char *)(uintptr_t)data.data, .len = data.length};
    int taken = uv_try_write(&endpoint->uv.stream, &buffer, 1);
    if (taken == UV_EAGAIN) taken = 0;
    if (taken < 0) return false;
    if ((size_t)taken == data.length) return true;
    return queue(endpoint, (struct span){data.data + taken, data.length - (size_t)taken});
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
