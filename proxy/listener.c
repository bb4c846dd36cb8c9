// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/unix_socket.h"

static const char *hint(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "; another process has it: stop that one or choose another address";
    case EACCES:
        return "; a port below 1024 needs root or CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
        return "; no interface of this machine has that address";
    default:
        return "";
    }
}

static int bind_one(const struct addrinfo *found, bool shared)
{
    const int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    /* An IPv6 wildcard takes IPv4 clients too, whatever the system's default is. */
    const int off = 0;
    if (found->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0 &&
        (!shared || listen(fd, LISTENER_BACKLOG) == 0))
        return fd;
    int error = errno;
    (void)close(fd); /* nothing was accepted from it */
    errno = error;
    return -1;
}

/* SO_REUSEPORT lets our workers share a port, but another Postern of the same user as well, which
 * would get half of the clients without a word. */
static bool is_free(const struct addrinfo *found)
{
    int fd = bind_one(found, false);
    if (fd < 0) return false;
    (void)close(fd); /* it was a question only */
    return true;
}

static int bind_tcp(const struct config_address *address, bool first, struct err *err)
{
    char port[8];
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    (void)snprintf(port, sizeof port, "%u", address->port);
    int failed = getaddrinfo(address->host, port, &hints, &found);
    if (failed != 0) {
        err_set(err, "cannot listen on %s: %s", address->text, gai_strerror(failed));
        return -1;
    }
    int fd = first && !is_free(found) ? -1 : bind_one(found, true);
    if (fd < 0)
        err_set(err, "cannot listen on %s: %s%s", address->text, strerror(errno), hint(errno));
    freeaddrinfo(found);
    return fd;
}

static bool is_other_file(const struct sockaddr_un *path)
{
    struct stat file;
    return lstat(path->sun_path, &file) == 0 && !S_ISSOCK(file.st_mode);
}

static int bind_unix(const struct config_address *address, struct err *err)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    if (strlen(address->unix_path) >= sizeof path.sun_path) {
        err_set(err, "cannot listen on %s: a socket's path has at most %zu bytes", address->text,
                sizeof path.sun_path - 1);
        return -1;
    }
    memcpy(path.sun_path, address->unix_path, strlen(address->unix_path));
    if (is_other_file(&path)) {
        err_set(err,
                "cannot listen on %s: there is a file that is no socket; remove it or choose "
                "another path",
                address->text);
        return -1;
    }
    if (unix_socket_is_stale(&path)) (void)unlink(path.sun_path); /* bind says if that failed */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&path, sizeof path) == 0 &&
        listen(fd, LISTENER_BACKLOG) == 0)
        return fd;
    err_set(err, "cannot listen on %s: %s%s", address->text, file_error(errno),
            errno == EACCES ? "" : hint(errno));
    if (fd >= 0) (void)close(fd); /* nothing was accepted from it */
    return -1;
}

int listener_bind(const struct config_address *address, bool first, struct err *err)
{
    return address->unix_path != NULL ? bind_unix(address, err) : bind_tcp(address, first, err);
}
