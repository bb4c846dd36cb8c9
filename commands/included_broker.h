// SPDX-License-Identifier: GPL-3.0-or-later
/* The included broker on a thread of its own, inside the process of `run`: it gets its clients as
 * connected sockets, so that it is on no port. */
#pragma once

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/backend/pool.h"

struct included_broker;

/* Gives a running broker (included_broker_stop). NULL: told why. */
struct included_broker *included_broker_start(const struct config_broker *config, struct err *err);
/* How the proxy hands it clients; as long as it runs. */
struct builtin_broker included_broker_door(struct included_broker *broker);
/* Ends its clients, waits for its thread and frees; NULL is fine. */
void included_broker_stop(struct included_broker *broker);
