// SPDX-License-Identifier: GPL-3.0-or-later
/* Chooses a server of a backend. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/config.h"

enum { BALANCE_NONE = -1, BALANCE_MOST_SERVERS = CONFIG_MOST_SERVERS };

struct balance_server {
    uint64_t key;         /* from balance_server_key: the same in every replica */
    unsigned weight;      /* 1 and more */
    unsigned connections; /* now */
    bool usable;          /* may be chosen for this client */
};

/* A number that depends on the address as written alone. */
uint64_t balance_server_key(const char *address);
/* The index of the usable server to dial, or BALANCE_NONE. `turn` counts up by one a choice, for
 * round robin (smooth by weight over a cycle). client_id: weighted rendezvous hashing, so that a
 * server added or lost moves only its share; an empty client id is spread by `turn`. */
int balance_choose(enum config_balance method, const struct balance_server *servers, size_t count,
                   uint64_t turn, struct span client_id);
