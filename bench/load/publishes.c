// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>

#include "bench/load/herd.h"
#include "bench/load/processor_time.h"
#include "bench/load/report.h"
#include "bench/load/scenarios.h"

static struct herd herd;
static uint64_t messages;

static void on_ready(struct client *client)
{
    herd_on_ready(&herd, client);
    client_send_messages(client, client->load->options->in_flight);
}

/* All messages have the same length, so bytes tell how many have come back. */
static void on_data(struct client *client, struct span data)
{
    size_t length = client->load->message_length;
    client->received += data.length;
    unsigned back = (unsigned)(client->received / length);
    client->received %= length;
    messages += back;
    const struct options *options = client->load->options;
    client->load->done = options->count > 0 && messages >= options->count;
    for (unsigned i = 0; i < back && !client->load->done; i++) {
        client_send_messages(client, 1);
        if (options->write_each) client_flush(client);
    }
}

static void on_lost(struct client *client, const char *why)
{
    (void)client;
    (void)fprintf(stderr, "load: a client was lost: %s\n", why);
    exit(1);
}

void scenario_publishes(const struct options *options)
{
    static const struct client_events events = {on_ready, on_data, on_lost};
    struct load load;
    load_init(&load, options);
    herd_gather(&herd, &load, &events);
    (void)load_run(&load, clock_ns() + options->warm_up_s * 1000000000ULL, false);
    messages = 0;
    double cost = processor_time_us(options);
    uint64_t begun = clock_ns();
    (void)load_run(&load, begun + options->seconds * 1000000000ULL, false);
    double seconds = (double)(clock_ns() - begun) / 1e9;
    cost = processor_time_us(options) - cost;
    double count = (double)messages;
    report(json_pack("{s:I, s:f, s:f}", "messages", (json_int_t)messages, "per_second",
                     count / seconds, "server_us", count > 0 ? cost / count : 0.0));
    herd_close(&herd);
    load_clear(&load);
}
