// SPDX-License-Identifier: GPL-3.0-or-later
/* A message of text and descriptors over a unix socket of packets (SOCK_SEQPACKET). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

enum { FD_MESSAGE_MOST = 200 /* descriptors; the kernel takes 253 */ };

/* Borrows the descriptors. False: the peer is gone, or has no room. */
MUST_USE bool fd_message_send(int fd, const char *text, const int *fds, size_t count);
/* Receives one: `*count` is how many descriptors there is room for, and then how many came (close).
 * False: the peer is gone, nothing came in time, or it has no room. */
MUST_USE bool fd_message_receive(int fd, char *text, size_t room, int *fds, size_t *count);
