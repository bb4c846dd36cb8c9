// SPDX-License-Identifier: GPL-3.0-or-later
/* How a connection gets its session: CONNECT, login, take-over. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "broker/login.h"

struct client;

/* Reads the CONNECT at the start of what has come; returns its length, 0 as long as it is not whole
 * or when it was refused. */
size_t connect_receive(struct client *client, const uint8_t *data, size_t length);
/* The answer to a login that was waited for: the CONNECT is gone on with. */
void connect_logged_in(struct client *client, enum login_state answer);
