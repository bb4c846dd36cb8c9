// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdlib.h>

#include "bench/load/client.h"
#include "bench/load/processor_time.h"
#include "bench/load/report.h"
#include "bench/load/samples.h"
#include "bench/load/scenarios.h"

/* One run on one thread: what its clients tell it. */
static struct {
    struct samples samples;
    unsigned resumed;
    unsigned lost;
} seen;

/* Clients that have left and may come again when it is time. */
static struct {
    struct client **clients;
    unsigned count;
} waiting;

static void leave(struct client *client)
{
    client_close(client);
    if (client->load->options->rate > 0)
        waiting.clients[waiting.count++] = client;
    else
        client_open(client);
}

static void on_ready(struct client *client)
{
    struct load *load = client->load;
    samples_add(&seen.samples, clock_ns() - client->begun_ns);
    load->done = load->options->count > 0 && seen.samples.count >= load->options->count;
    seen.resumed += client->resumed;
    if (load->options->resume) (void)client_keep_ticket(client); /* the old one serves on */
    if (load->done)
        client_close(client);
    else
        leave(client);
}

static void on_data(struct client *client, struct span data)
{
    (void)client;
    (void)data;
}

static void on_lost(struct client *client, const char *why)
{
    if (seen.lost++ == 0) (void)fprintf(stderr, "load: a client was lost: %s\n", why);
    leave(client);
}

/* At a rate a client comes when it is time and one is free, whatever the server's pace. */
static void run_for(struct load *load, uint64_t ns)
{
    static uint64_t due;
    uint64_t until = clock_ns() + ns;
    if (load->options->rate == 0) {
        (void)load_run(load, until, false);
        return;
    }
    uint64_t interval = (uint64_t)(1e9 / load->options->rate);
    if (due == 0) due = clock_ns();
    while (clock_ns() < until) {
        (void)load_run(load, due < until ? due : until, false);
        for (; due <= clock_ns(); due += interval)
            if (waiting.count > 0) client_open(waiting.clients[--waiting.count]);
    }
}

void scenario_connects(const struct options *options)
{
    static const struct client_events events = {on_ready, on_data, on_lost};
    struct load load;
    struct client *clients = calloc(options->clients, sizeof *clients);
    waiting.clients = calloc(options->clients, sizeof(struct client *));
    CHECK(clients != NULL && waiting.clients != NULL);
    load_init(&load, options);
    for (unsigned i = 0; i < options->clients; i++) {
        client_init(&clients[i], &load, &events, i);
        leave(&clients[i]);
    }
    run_for(&load, options->warm_up_s * 1000000000ULL);
    samples_clear(&seen.samples);
    seen.resumed = 0;
    seen.lost = 0;
    double cost = processor_time_us(options);
    uint64_t begun = clock_ns();
    run_for(&load, options->seconds * 1000000000ULL);
    double seconds = (double)(clock_ns() - begun) / 1e9;
    double count = (double)seen.samples.count;
    cost = processor_time_us(options) - cost;
    report(json_pack("{s:f, s:f, s:f, s:i, s:o}", "per_second", count / seconds, "server_us",
                     count > 0 ? cost / count : 0.0, "resumed",
                     count > 0 ? seen.resumed / count : 0.0, "lost", (int)seen.lost, "ready",
                     samples_report(&seen.samples)));
    for (unsigned i = 0; i < options->clients; i++)
        client_close(&clients[i]);
    load_clear(&load);
    samples_clear(&seen.samples);
    free(clients);
    free(waiting.clients);
}
