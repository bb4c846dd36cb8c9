// SPDX-License-Identifier: GPL-3.0-or-later
/* What a peer has not taken yet, as the programs that drive and answer servers keep it. Zeroed:
 * nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct unsent {
    uint8_t *data;
    size_t length;
};

/* Sends `data` on `fd` behind what waits, and keeps what does not go at once. False: the connection
 * is lost. */
bool unsent_send(struct unsent *unsent, int fd, struct span data);
/* Sends what waits, as far as it goes. False: the connection is lost. */
bool unsent_go_on(struct unsent *unsent, int fd);
void unsent_clear(struct unsent *unsent);
