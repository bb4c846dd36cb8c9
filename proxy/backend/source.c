// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include <uv.h>

static bool read_source(const char *text, int family, struct sockaddr_storage *out,
                        socklen_t *length)
{
    *length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    return family == AF_INET ? uv_ip4_addr(text, 0, (struct sockaddr_in *)out) == 0
                             : uv_ip6_addr(text, 0, (struct sockaddr_in6 *)out) == 0;
}

/* The one whose turn it is among those of the family. */
static bool choose(const struct config_strings *sources, uint64_t turn, int family,
                   struct sockaddr_storage *out, socklen_t *length)
{
    size_t fitting = 0;
    for (size_t i = 0; i < sources->count; i++)
        fitting += read_source(sources->items[i], family, out, length);
    if (fitting == 0) return false;
    size_t wanted = turn % fitting;
    for (size_t i = 0; i < sources->count; i++)
        if (read_source(sources->items[i], family, out, length) && wanted-- == 0) break;
    return true;
}

int source_socket(const struct config_backend *config, uint64_t turn, const struct sockaddr *to)
{
    const int on = 1;
    struct sockaddr_storage source = {0};
    socklen_t length = 0;
    bool bound = config->source_addresses.count > 0;
    if (bound && !choose(&config->source_addresses, turn, to->sa_family, &source, &length))
        return UV_EAFNOSUPPORT;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (!bound) return fd;
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&source, length) == 0)
        return fd;
    int failed = -errno;
    (void)close(fd); /* nothing was sent on it */
    return failed;
}

int source_connect_at_once(const struct config_backend *config, uint64_t turn,
                           const struct sockaddr *address, socklen_t length)
{
    const int off = 0;
    struct pollfd answer = {.events = POLLOUT};
    bool is_unix = address->sa_family == AF_UNIX;
    int fd = is_unix ? socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
                     : source_socket(config, turn, address);
    if (fd < 0) return -1;
    /* The last packet of TCP's handshake waits for the CONNECT, which follows at once; it may be
     * sent alone. */
    if (!is_unix) (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
    if (connect(fd, address, length) == 0) return fd;
    answer.fd = fd;
    if (errno == EINPROGRESS && poll(&answer, 1, 0) == 1 && answer.revents == POLLOUT) return fd;
    (void)close(fd); /* nothing was sent on it */
    return -1;
}

bool source_is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return address->sa_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool source_is_to_blame(int error)
{
    switch (error) {
    case UV_ENOMEM:
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOBUFS:
    case UV_EADDRNOTAVAIL:
    case UV_EADDRINUSE:
    case UV_EAFNOSUPPORT:
        return true;
    default:
        return false;
    }
}
