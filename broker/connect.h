// SPDX-License-Identifier: GPL-3.0-or-later
/* How a connection gets its session and loses it: CONNECT, take-over, will, expiry. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/login.h"

struct client;

/* Reads the CONNECT at the start of what has come; returns its length, 0 as long as it is not whole
 * or when it was refused. */
size_t connect_receive(struct client *client, const uint8_t *data, size_t length);
/* The answer to a login that was waited for: the CONNECT is gone on with. */
void connect_logged_in(struct client *client, enum login_state answer);
/* Ends a connection for `reason` (MQTT 5, 2.4): a DISCONNECT with it, where the version has one,
 * and the will. */
void connect_end(struct client *client, uint8_t reason);
/* The connection is gone without a word, or in a way that allows none: the will is published. */
void connect_lost(struct client *client);
/* The client has said DISCONNECT; `with_will` is 0x04 of MQTT 5. */
void connect_left(struct client *client, bool with_will);
/* The broker stops: DISCONNECT 0x8B, and no will. */
void connect_shut_down(struct client *client);
/* Changes how long the session outlives its connection (MQTT 5, 3.14.2.2.2). False: it was zero and
 * may not become anything else. */
bool connect_set_expiry(struct client *client, uint32_t session_expiry_interval_s);
