// SPDX-License-Identifier: GPL-3.0-or-later
/* Clients that are opened together, a limited number at a time, and stay. */
#pragma once

#include "bench/load/client.h"
#include "bench/load/samples.h"

struct herd {
    struct load *load;
    struct client *clients;
    unsigned opened;
    unsigned ready;
    unsigned lost;        /* and opened again */
    struct samples times; /* from opening to being ready */
};

/* Opens options->clients of them and waits until all are ready; the events' on_ready must call
 * herd_on_ready, and on_lost herd_on_lost. */
void herd_gather(struct herd *herd, struct load *load, const struct client_events *events);
void herd_on_ready(struct herd *herd, struct client *client);
void herd_on_lost(struct herd *herd, struct client *client, const char *why);
void herd_close(struct herd *herd);
