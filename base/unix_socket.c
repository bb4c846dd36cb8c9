// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/unix_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool unix_socket_is_stale(const struct sockaddr_un *address)
{
    struct stat file;
    /* Whoever connects to a file of another kind is refused, too. */
    if (lstat(address->sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    (void)close(fd); /* it was a question only */
    return refused;
}
