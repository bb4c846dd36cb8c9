// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/unix_socket.h"
#include "broker/client.h"
#include "broker/internal.h"

enum { BACKLOG = 1024, ACCEPTS_AT_ONCE = 64 };

struct listener {
    uv_poll_t poll;
    struct broker *broker;
    struct listener *next;
    int fd;
    bool paused; /* no descriptor was left */
};

/* Where to listen. */
union place {
    struct sockaddr any;
    struct sockaddr_storage ip;
    struct sockaddr_un path;
};

/* A unix socket leaves its file behind. */
static void remove_file(const struct listener *listener)
{
    union place bound = {0};
    socklen_t length = sizeof bound;
    if (getsockname(listener->fd, &bound.any, &length) == 0 && bound.any.sa_family == AF_UNIX)
        (void)unlink(bound.path.sun_path); /* somebody else may have removed it */
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = CONTAINER_OF(handle, struct listener, poll);
    struct broker *broker = listener->broker;
    remove_file(listener);
    (void)close(listener->fd); /* nobody is accepted from it any more */
    free(listener);
    broker->own_handles--;
    broker_handle_closed(broker);
}

/* Without a descriptor the connection waits in the kernel, and the loop for the next tick. */
static void pause_accepting(struct listener *listener, int why)
{
    listener->paused = true;
    (void)uv_poll_stop(&listener->poll); /* it is open */
    log_event(LOG_WARN, "accept failed", strerror(why));
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
    struct listener *listener = CONTAINER_OF(handle, struct listener, poll);
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            (void)client_open(listener->broker, fd, NULL); /* no room: it is closed */
            continue;
        }
        bool scarce = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (scarce) pause_accepting(listener, errno);
        if (errno == EAGAIN || scarce) return;
    }
}

static void resume(struct listener *listener)
{
    listener->paused = uv_poll_start(&listener->poll, UV_READABLE, on_connection) != 0;
}

void listener_resume_all(struct broker *broker)
{
    for (struct listener *at = broker->listeners; at != NULL; at = at->next)
        if (at->paused) resume(at);
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

static bool read_place(union place *out, socklen_t *length, const char *address, struct err *err)
{
    static const char unix_prefix[] = "unix:";
    *out = (union place){0};
    if (strncmp(address, unix_prefix, sizeof unix_prefix - 1) != 0) {
        if (!resolve(address, &out->ip, err)) return false;
        *length = out->any.sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                : sizeof(struct sockaddr_in6);
        return true;
    }
    const char *path = address + sizeof unix_prefix - 1;
    if (strlen(path) >= sizeof out->path.sun_path)
        return err_set(err, "%s: the path is too long for a socket", address);
    out->path.sun_family = AF_UNIX;
    memcpy(out->path.sun_path, path, strlen(path));
    *length = sizeof out->path;
    return true;
}

/* The socket, or -1. */
static int listen_at(const union place *place, socklen_t length)
{
    static const int on = 1;
    int fd = socket(place->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    bool done = (place->any.sa_family == AF_UNIX ||
                 setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) &&
                bind(fd, &place->any, length) == 0 && listen(fd, BACKLOG) == 0;
    if (done) return fd;
    int why = errno;
    (void)close(fd); /* nobody has seen it */
    errno = why;
    return -1;
}

static void log_listening(const struct listener *listener, const char *address)
{
    union place bound = {0};
    socklen_t length = sizeof bound;
    struct log_line line;
    log_begin(&line, LOG_INFO, "broker listens");
    log_text(&line, "address", address);
    if (getsockname(listener->fd, &bound.any, &length) == 0 && bound.any.sa_family != AF_UNIX) {
        bool ipv4 = bound.any.sa_family == AF_INET;
        log_number(&line, "port",
                   ntohs(ipv4 ? ((struct sockaddr_in *)&bound.ip)->sin_port
                              : ((struct sockaddr_in6 *)&bound.ip)->sin6_port));
    }
    log_end(&line);
}

bool listener_open(struct broker *broker, const char *address, struct err *err)
{
    union place place;
    socklen_t length = 0;
    if (!read_place(&place, &length, address, err)) return false;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) return err_set(err, "out of memory");
    listener->broker = broker;
    if (place.any.sa_family == AF_UNIX && unix_socket_is_stale(&place.path))
        (void)unlink(place.path.sun_path); /* bind says if that failed */
    listener->fd = listen_at(&place, length);
    if (listener->fd < 0 || uv_poll_init(broker->loop, &listener->poll, listener->fd) != 0) {
        err_set(err, "%s: cannot listen: %s", address, strerror(errno));
        if (listener->fd >= 0) (void)close(listener->fd); /* nobody has connected to it */
        free(listener);
        return false;
    }
    listener->next = broker->listeners;
    broker->listeners = listener;
    broker->own_handles++;
    resume(listener);
    log_listening(listener, address);
    return true;
}

void listener_close_all(struct broker *broker)
{
    while (broker->listeners != NULL) {
        struct listener *listener = broker->listeners;
        broker->listeners = listener->next;
        uv_close((uv_handle_t *)&listener->poll, on_closed);
    }
}
