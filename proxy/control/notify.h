// SPDX-License-Identifier: GPL-3.0-or-later
/* What a service manager is told: sd_notify(3)'s protocol, one datagram a message. Nobody who asked
 * for it in the environment: nothing is sent. Thread: the main one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/attributes.h"

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un manager;
    socklen_t manager_length;
    uint64_t watchdog_ms; /* 0: nobody waits for signs of life */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; notify_close is due. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);
/* Sends lines such as "READY=1\nSTATUS=..."; nobody waits for the manager to take them. */
void notify_send(const struct notify *notify, const char *format, ...) PRINTF(2, 3);
/* The messages of a reload: it begins (systemd wants to know when, by its clock), and it is over.
 */
void notify_reloading(const struct notify *notify);
