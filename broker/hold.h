// SPDX-License-Identifier: GPL-3.0-or-later
/* Publishers that wait for a receiver. A publisher that is faster than a receiver who reads well is
 * held back instead of losing messages; one who does not catch up in HOLD_MS counts as slow, and
 * nobody waits for it until its queue is empty: it delays the others by that much at most, once. */
#pragma once

struct broker;
struct client;
struct session;

enum { HOLD_MS = 100 };

/* Stops reading the client until the session has caught up. */
void hold_client(struct client *client, struct session *session);
/* The client reads on, or is gone. */
void hold_release(struct client *client);
/* The session has caught up, or is gone: whoever waits for it reads on. */
void hold_release_all(struct broker *broker, struct session *session);
