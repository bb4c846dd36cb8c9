// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_FD = 3, MOST_FDS = 65536 };

/* A listener is served by a loop, which must not wait in accept. */
static bool is_listening(int fd)
{
    int listening = 0;
    int type = 0;
    socklen_t length = sizeof listening;
    int flags = fcntl(fd, F_GETFL);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM &&
           flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool inherited_add(struct inherited *inherited, const char *address, int fd, struct err *err)
{
    struct inherited_socket *items = reallocarray(inherited->items, inherited->count + 1,
                                                  sizeof *items);
    char *copy = strdup(address);
    if (items != NULL) inherited->items = items;
    if (items == NULL || copy == NULL) {
        err_set(err, "out of memory");
    } else if (!is_listening(fd)) {
        err_set(err,
                "the descriptor %d that was passed in for %s is no listening stream socket: the "
                "socket unit needs ListenStream= and Accept=no",
                fd, address);
    } else {
        items[inherited->count++] = (struct inherited_socket){copy, fd};
        return true;
    }
    free(copy);
    (void)close(fd); /* it is of no use */
    return false;
}

/* Names are separated by colons; sockets without one are "unknown", as sd_listen_fds(3) has it. */
static bool add_named(struct inherited *inherited, const char **names, int fd, struct err *err)
{
    char address[3 + 255 + 1];
    size_t length = *names == NULL ? 0 : strcspn(*names, ":");
    if (length == 0)
        (void)snprintf(address, sizeof address, "fd:unknown");
    else
        (void)snprintf(address, sizeof address, "fd:%.*s", (int)length, *names);
    if (*names != NULL) *names += length + ((*names)[length] == ':');
    return inherited_add(inherited, address, fd, err);
}

bool inherited_init(struct inherited *inherited, struct err *err)
{
    const char *process = getenv("LISTEN_PID");
    const char *number = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    bool good = true;
    *inherited = (struct inherited){0};
    bool ours = process != NULL && number != NULL && strtoll(process, NULL, 10) == getpid();
    long count = ours ? strtol(number, NULL, 10) : 0;
    if (count < 0 || count > MOST_FDS)
        return err_set(err, "LISTEN_FDS in the environment is no number of sockets: %.20s", number);
    for (int i = 0; good && i < (int)count; i++)
        good = add_named(inherited, &names, FIRST_FD + i, err);
    (void)unsetenv("LISTEN_PID"); /* they are for this process alone; constants cannot fail */
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return good;
}

size_t inherited_count(const struct inherited *inherited, const char *address)
{
    size_t count = 0;
    for (size_t i = 0; i < inherited->count; i++)
        if (strcmp(inherited->items[i].address, address) == 0) count++;
    return count;
}

size_t inherited_copy(const struct inherited *inherited, const char *address, int *fds)
{
    size_t count = 0;
    for (size_t i = 0; i < inherited->count; i++) {
        if (strcmp(inherited->items[i].address, address) != 0) continue;
        fds[count] = fcntl(inherited->items[i].fd, F_DUPFD_CLOEXEC, 0);
        if (fds[count] < 0) break;
        count++;
    }
    return count;
}

void inherited_keep_named(struct inherited *inherited)
{
    size_t kept = 0;
    for (size_t i = 0; i < inherited->count; i++) {
        struct inherited_socket *item = &inherited->items[i];
        if (strncmp(item->address, "fd:", 3) == 0) {
            inherited->items[kept++] = *item;
            continue;
        }
        (void)close(item->fd); /* whoever serves it has a copy */
        free(item->address);
    }
    inherited->count = kept;
}

void inherited_clear(struct inherited *inherited)
{
    for (size_t i = 0; i < inherited->count; i++) {
        (void)close(inherited->items[i].fd); /* whoever serves it has a copy */
        free(inherited->items[i].address);
    }
    free(inherited->items);
    *inherited = (struct inherited){0};
}
