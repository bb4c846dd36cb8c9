// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST_MESSAGE = 2048 };

/* A path, or the name of an abstract socket behind an @. */
static void read_address(struct notify *notify, const char *name)
{
    size_t length = name == NULL ? 0 : strlen(name);
    if (length < 2 || length >= sizeof notify->manager.sun_path) return;
    if (name[0] != '/' && name[0] != '@') return;
    notify->manager.sun_family = AF_UNIX;
    memcpy(notify->manager.sun_path, name, length);
    if (name[0] == '@') notify->manager.sun_path[0] = '\0';
    notify->manager_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void notify_open(struct notify *notify)
{
    const char *wait_us = getenv("WATCHDOG_USEC");
    const char *process = getenv("WATCHDOG_PID");
    *notify = (struct notify){.fd = -1};
    read_address(notify, getenv("NOTIFY_SOCKET"));
    if (notify->fd < 0 || wait_us == NULL) return;
    if (process != NULL && strtoll(process, NULL, 10) != getpid()) return; /* another one's */
    notify->watchdog_ms = strtoull(wait_us, NULL, 10) / 1000;
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0) (void)close(notify->fd); /* a datagram is sent or not */
    notify->fd = -1;
}

void notify_send(const struct notify *notify, const char *format, ...)
{
    char text[LARGEST_MESSAGE];
    va_list values;
    if (notify->fd < 0) return;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (length < 0) return;
    if ((size_t)length >= sizeof text) length = (int)sizeof text - 1;
    /* A manager that is not there or does not read is no reason to stop serving. */
    (void)sendto(notify->fd, text, (size_t)length, MSG_NOSIGNAL,
                 (const struct sockaddr *)&notify->manager, notify->manager_length);
}

void notify_reloading(const struct notify *notify)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    notify_send(notify, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Loading the configuration again",
                (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}
