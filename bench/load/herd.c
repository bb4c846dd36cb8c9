// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/load/herd.h"

#include <stdio.h>
#include <stdlib.h>

static void open_more(struct herd *herd)
{
    const struct options *options = herd->load->options;
    while (herd->opened < options->clients && herd->opened - herd->ready < options->at_once)
        client_open(&herd->clients[herd->opened++]);
}

void herd_gather(struct herd *herd, struct load *load, const struct client_events *events)
{
    unsigned count = load->options->clients;
    *herd = (struct herd){.load = load, .clients = calloc(count, sizeof *herd->clients)};
    CHECK(herd->clients != NULL);
    for (unsigned i = 0; i < count; i++)
        client_init(&herd->clients[i], load, events, i);
    uint64_t deadline = clock_ns() + 120ULL * 1000000000;
    open_more(herd);
    while (herd->ready < count && clock_ns() < deadline) {
        (void)load_run(load, clock_ns() + 1000000, false);
        open_more(herd);
    }
    if (herd->ready == count) return;
    (void)fprintf(stderr, "load: %u of %u clients were ready in 120 seconds\n", herd->ready, count);
    exit(1);
}

void herd_on_ready(struct herd *herd, struct client *client)
{
    herd->ready++;
    samples_add(&herd->times, clock_ns() - client->begun_ns);
    open_more(herd);
}

void herd_on_lost(struct herd *herd, struct client *client, const char *why)
{
    if (herd->lost++ == 0) (void)fprintf(stderr, "load: a client was lost: %s\n", why);
    uint64_t begun = client->begun_ns; /* its wait goes on */
    client_open(client);
    client->begun_ns = begun;
}

void herd_close(struct herd *herd)
{
    for (unsigned i = 0; i < herd->load->options->clients; i++)
        client_close(&herd->clients[i]);
    samples_clear(&herd->times);
    free(herd->clients);
}
