// SPDX-License-Identifier: GPL-3.0-or-later
/* Sockets to dial servers with, and the address of ours that they come from. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "config/config.h"

/* Gives a TCP socket, non-blocking, to dial `to` with: bound to one of the backend's source
 * addresses of that family, the next one with each `turn`, or to none if it has none. The port is
 * chosen at the connect, so that one port serves for several servers. Or a negative error of
 * libuv's: it has no source address of that family, or one that is not this machine's. */
int source_socket(const struct config_backend *config, uint64_t turn, const struct sockaddr *to);
/* Gives a socket that is connected to `address` (TCP or unix) already: whoever is on this machine
 * has answered before connect returns, and no turn of the loop has to be waited for. -1: not so;
 * the long way tells why. */
int source_connect_at_once(const struct config_backend *config, uint64_t turn,
                           const struct sockaddr *address, socklen_t length);
bool source_is_loopback(const struct sockaddr *address);
/* Whether an error of dialling, of libuv's, is this machine's and says nothing about the server. */
bool source_is_to_blame(int error);
