// SPDX-License-Identifier: GPL-3.0-or-later
/* Listening sockets that were open before this process was: passed by systemd (sd_listen_fds(3)),
 * as `fd:NAME`, or by the process that this one succeeds. Several may have one address. Thread: the
 * main one. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"

struct inherited_socket {
    char *address; /* as a configuration writes it */
    int fd;
};

struct inherited {
    struct inherited_socket *items;
    size_t count;
};

/* Takes the sockets that the environment tells of, and the words out of the environment. False:
 * told why; inherited_clear is due in any case. */
MUST_USE bool inherited_init(struct inherited *inherited, struct err *err);
/* Takes one more. False: out of memory, or it is no listening stream socket; it is closed then. */
MUST_USE bool inherited_add(struct inherited *inherited, const char *address, int fd,
                            struct err *err);
/* How many there are on that address. */
size_t inherited_count(const struct inherited *inherited, const char *address);
/* Fills `fds`, which has room for all of them, with descriptors of its own (close). Gives how many;
 * fewer than there are: no descriptor is left. */
size_t inherited_copy(const struct inherited *inherited, const char *address, int *fds);
/* Closes all but those with a name, which a later configuration may want. */
void inherited_keep_named(struct inherited *inherited);
void inherited_clear(struct inherited *inherited);
