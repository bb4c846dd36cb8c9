// SPDX-License-Identifier: GPL-3.0-or-later
/* The listening sockets of the process by address, as the main thread holds them. Workers have
 * copies, so that a socket lives until both have let go of it. Thread: the main one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/control/inherited.h"

struct door {
    char *address;
    char *unix_path; /* of a socket file that we have made, or NULL */
    int *fds;        /* one a worker, or fewer that workers share, or more than there are workers */
    size_t count;
};

struct doors {
    struct door *items;
    size_t count;
    bool keep_files; /* another process listens there too, so the files of unix sockets stay */
};

/* The door on that address, or NULL. */
const struct door *doors_find(const struct doors *doors, const char *address);
/* Opens what `config` listens on and `doors` does not have, or takes it from `inherited`, and adds
 * it, all or nothing; `was` is set to how many there were before. False: told why. */
MUST_USE bool doors_open(struct doors *doors, const struct config *config, unsigned workers,
                         const struct inherited *inherited, size_t *was, struct err *err);
/* Closes the doors that `config` (NULL: none) does not listen on; their socket files go as well,
 * unless `keep_files`. */
void doors_close(struct doors *doors, const struct config *config);
/* Closes all but the first `count`: what a doors_open has added. */
void doors_close_from(struct doors *doors, size_t count);
/* Closes all descriptors of the main thread's; socket files stay until doors_close. */
void doors_let_go(struct doors *doors);
/* How many sockets of the door a worker is to serve. */
size_t doors_share(const struct door *door, unsigned worker, unsigned workers);
/* A copy of the `turn`th of them (close), or -1: no descriptor is left. */
int doors_copy(const struct door *door, unsigned worker, unsigned workers, size_t turn);
