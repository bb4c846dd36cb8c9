// SPDX-License-Identifier: GPL-3.0-or-later
/* The successor's side of an upgrade. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "proxy/control/fd_message.h"
#include "proxy/control/upgrade.h"
#include "proxy/control/upgrade_words.h"

enum { PATIENCE_S = 10 };

int upgrade_predecessor(void)
{
    const char *number = getenv(SPAWNER_VARIABLE);
    const struct timeval patience = {PATIENCE_S, 0};
    int fd = number == NULL ? -1 : atoi(number);
    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return -1;
    int flags = fcntl(fd, F_GETFL);
    if (fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        return -1;
    (void)unsetenv("WATCHDOG_PID"); /* it names the predecessor; a constant cannot fail */
    return fd;
}

/* One line of `text` for each descriptor. */
static bool add_all(struct inherited *inherited, char *text, const int *fds, size_t count,
                    struct err *err)
{
    char *rest = NULL;
    char *address = strtok_r(text, "\n", &rest);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        if (good && address != NULL)
            good = inherited_add(inherited, address, fds[i], err);
        else
            (void)close(fds[i]); /* nobody will serve it */
        address = strtok_r(NULL, "\n", &rest);
    }
    return good;
}

bool upgrade_receive(int predecessor, struct inherited *inherited, struct err *err)
{
    static char text[UPGRADE_TEXT_ROOM]; /* once in a process */
    int fds[FD_MESSAGE_MOST];
    size_t count = 0;
    for (;;) {
        count = FD_MESSAGE_MOST;
        if (!fd_message_receive(predecessor, text, sizeof text, fds, &count))
            return err_set(err,
                           "the process that is to be succeeded does not say what it listens on");
        if (count == 0 && strcmp(text, UPGRADE_END) == 0) return true;
        if (!add_all(inherited, text, fds, count, err)) return false;
    }
}

bool upgrade_ready(int predecessor, struct err *err)
{
    char word[sizeof UPGRADE_READY + 16];
    char answer[16];
    size_t none = 0;
    (void)snprintf(word, sizeof word, "%s%d", UPGRADE_READY, (int)getpid());
    bool good = fd_message_send(predecessor, word, NULL, 0) &&
                fd_message_receive(predecessor, answer, sizeof answer, NULL, &none) &&
                strcmp(answer, UPGRADE_GO) == 0;
    (void)close(predecessor);         /* all has been said */
    (void)unsetenv(SPAWNER_VARIABLE); /* a constant cannot fail */
    return good || err_set(err, "the process that was to be succeeded goes on itself");
}

void upgrade_failed(const char *why)
{
    const char *number = getenv(SPAWNER_VARIABLE);
    if (number != NULL) (void)!fd_message_send(atoi(number), why, NULL, 0); /* it may be gone */
}
