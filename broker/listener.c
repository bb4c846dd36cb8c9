// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/listener.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "broker/client.h"
#include "broker/internal.h"

enum { BACKLOG = 1024 };

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    struct broker *broker;
    struct listener *next;
    bool unix_socket;
};

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    struct broker *broker = listener->broker;
    free(listener);
    broker->own_handles--;
    broker_handle_closed(broker);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    if (status != 0) {
        log_event(LOG_WARN, "accept failed", uv_strerror(status));
        return;
    }
    client_accept(listener->broker, stream, listener->unix_socket);
}

/* "HOST:PORT" or "[HOST]:PORT" into a socket address: the first one that the host has. */
static bool resolve(const char *address, struct sockaddr_storage *out, struct err *err)
{
    char host[256] = "";
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(address, ':');
    const char *start = address;
    size_t length = colon == NULL ? 0 : (size_t)(colon - address);
    if (length >= 2 && start[0] == '[' && start[length - 1] == ']') {
        start++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof host || strspn(colon + 1, "0123456789") == 0 ||
        colon[1 + strspn(colon + 1, "0123456789")] != '\0' || strtoul(colon + 1, NULL, 10) > 65535)
        return err_set(err, "%s: an address is HOST:PORT, [HOST]:PORT or unix:PATH", address);
    memcpy(host, start, length);
    int failed = getaddrinfo(host, colon + 1, &hints, &found);
    if (failed != 0) return err_set(err, "%s: %s", host, gai_strerror(failed));
    memcpy(out, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static int bind_unix(struct listener *listener, const char *path)
{
    listener->unix_socket = true;
    (void)uv_pipe_init(listener->broker->loop, &listener->socket.pipe, 0); /* cannot fail */
    return uv_pipe_bind(&listener->socket.pipe, path);
}

static int bind_tcp(struct listener *listener, const struct sockaddr_storage *address)
{
    (void)uv_tcp_init(listener->broker->loop, &listener->socket.tcp); /* cannot fail: no socket */
    return uv_tcp_bind(&listener->socket.tcp, (const struct sockaddr *)address, 0);
}

static void log_listening(const struct listener *listener, const char *address)
{
    struct sockaddr_storage bound;
    int length = sizeof bound;
    struct log_line line;
    log_begin(&line, LOG_INFO, "broker listens");
    log_text(&line, "address", address);
    if (!listener->unix_socket &&
        uv_tcp_getsockname(&listener->socket.tcp, (struct sockaddr *)&bound, &length) == 0) {
        bool ipv4 = bound.ss_family == AF_INET;
        log_number(&line, "port",
                   ntohs(ipv4 ? ((struct sockaddr_in *)&bound)->sin_port
                              : ((struct sockaddr_in6 *)&bound)->sin6_port));
    }
    log_end(&line);
}

bool listener_open(struct broker *broker, const char *address, struct err *err)
{
    static const char unix_prefix[] = "unix:";
    struct sockaddr_storage parsed = {0};
    bool unix_socket = strncmp(address, unix_prefix, sizeof unix_prefix - 1) == 0;
    if (!unix_socket && !resolve(address, &parsed, err)) return false;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) return err_set(err, "out of memory");
    listener->broker = broker;
    int failed = unix_socket ? bind_unix(listener, address + sizeof unix_prefix - 1)
                             : bind_tcp(listener, &parsed);
    listener->socket.handle.data = listener;
    listener->next = broker->listeners;
    broker->listeners = listener;
    broker->own_handles++;
    if (failed == 0) failed = uv_listen(&listener->socket.stream, BACKLOG, on_connection);
    if (failed != 0) {
        broker->listeners = listener->next;
        uv_close(&listener->socket.handle, on_closed);
        return err_set(err, "%s: cannot listen: %s", address, uv_strerror(failed));
    }
    log_listening(listener, address);
    return true;
}

void listener_close_all(struct broker *broker)
{
    while (broker->listeners != NULL) {
        struct listener *listener = broker->listeners;
        broker->listeners = listener->next;
        uv_close(&listener->socket.handle, on_closed);
    }
}
