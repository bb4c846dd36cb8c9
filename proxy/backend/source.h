// SPDX-License-Identifier: GPL-3.0-or-later
/* The address of ours that a server is dialled from. Any thread. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "config/config.h"

/* Gives a TCP socket, non-blocking, to dial `to` with: bound to one of the backend's source
 * addresses of that family, the next one with each `turn`, or to none if it has none. The port is
 * chosen at the connect, so that one port serves for several servers. Or a negative error of
 * libuv's: it has no source address of that family, or one that is not this machine's. */
int source_socket(const struct config_backend *config, uint64_t turn, const struct sockaddr *to);
