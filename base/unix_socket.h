// SPDX-License-Identifier: GPL-3.0-or-later
/* The files of unix sockets, which outlive their processes. */
#pragma once

#include <stdbool.h>
#include <sys/un.h>

/* Whether the file is a socket that nobody listens on any more, as a killed process leaves one: it
 * is in the way of a bind, and may be removed. Anything else than a socket may not. */
bool unix_socket_is_stale(const struct sockaddr_un *address);
