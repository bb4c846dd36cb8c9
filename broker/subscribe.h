// SPDX-License-Identifier: GPL-3.0-or-later
/* SUBSCRIBE and UNSUBSCRIBE, and the retained messages that a new subscription is owed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct client;

/* Each handles one whole packet, borrowed. */
void subscribe_receive(struct client *client, const uint8_t *packet, size_t length);
void subscribe_receive_end(struct client *client, const uint8_t *packet, size_t length);
