// SPDX-License-Identifier: GPL-3.0-or-later
/* How a connection loses its session: by itself or not, with its will, and what becomes of the
 * session then. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct client;
struct session;

/* Ends a connection for `reason` (MQTT 5, 2.4): a DISCONNECT with it, where the version has one,
 * and the will. */
void leave_told(struct client *client, uint8_t reason);
/* The connection is gone without a word, or in a way that allows none: the will is published. */
void leave_lost(struct client *client);
/* The client has said DISCONNECT; `with_will` is 0x04 of MQTT 5. */
void leave_by_disconnect(struct client *client, bool with_will);
/* The broker stops: DISCONNECT 0x8B, and no will. */
void leave_shut_down(struct client *client);

/* Ends a session that has no connection: its will is published, and what it shares is the others'.
 */
void leave_end_session(struct broker *broker, struct session *session);
/* How long a session may outlive its connection, in milliseconds, when this is asked for. */
uint64_t leave_limit_expiry(const struct broker *broker, uint32_t asked_s);
/* Changes how long it does (MQTT 5, 3.14.2.2.2). False: it was zero by the client's own wish, and
 * may not become anything else; where it is zero for everybody, it stays so. */
bool leave_set_expiry(struct client *client, uint32_t session_expiry_interval_s);
