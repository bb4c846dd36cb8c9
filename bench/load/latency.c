// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/load/herd.h"
#include "bench/load/processor_time.h"
#include "bench/load/report.h"
#include "bench/load/scenarios.h"

static struct herd herd;
static struct samples round_trips;

static void on_ready(struct client *client)
{
    herd_on_ready(&herd, client);
}

static void on_data(struct client *client, struct span data)
{
    size_t length = client->load->message_length;
    client->received += data.length;
    if (client->received < length) return;
    client->received -= length;
    samples_add(&round_trips, clock_ns() - client->sent_ns);
    client->messages = 0;
}

static void on_lost(struct client *client, const char *why)
{
    (void)client;
    (void)fprintf(stderr, "load: a client was lost: %s\n", why);
    exit(1);
}

/* A client that still waits for its last message is passed over: the wait itself is measured. */
static void send_one(struct client *client)
{
    if (client->messages > 0) return;
    client->messages = 1;
    client->sent_ns = clock_ns();
    client_send_messages(client, 1);
    client_flush(client);
}

/* The clients take turns. True: stdin has something. */
static bool talk(struct load *load, uint64_t until)
{
    const struct options *options = load->options;
    double rate = options->rate > 0 ? options->rate : 10;
    uint64_t interval = (uint64_t)(1e9 / (rate * options->clients));
    uint64_t due = clock_ns();
    static unsigned turn;
    for (; clock_ns() < until; turn = (turn + 1) % options->clients) {
        due += interval;
        if (load_run(load, due, options->listens)) return true;
        send_one(&herd.clients[turn]);
    }
    return false;
}

static void tell(const struct options *options)
{
    static double cost_before;
    double cost = processor_time_us(options);
    double count = (double)round_trips.count;
    json_t *line = samples_report(&round_trips);
    (void)json_object_set_new(line, "server_us",
                              json_real(count > 0 ? (cost - cost_before) / count : 0));
    report(line);
    cost_before = cost;
    samples_clear(&round_trips);
}

void scenario_latency(const struct options *options)
{
    static const struct client_events events = {on_ready, on_data, on_lost};
    struct load load;
    char line[64];
    load_init(&load, options);
    herd_gather(&herd, &load, &events);
    if (options->warm_up_s > 0) {
        (void)talk(&load, clock_ns() + options->warm_up_s * 1000000000ULL);
        tell(options); /* whoever listens for phases hears of this one first */
    }
    uint64_t end = clock_ns() + options->seconds * 1000000000ULL;
    while (talk(&load, end) && read(STDIN_FILENO, line, sizeof line) > 0)
        tell(options);
    tell(options);
    while (options->listens && read(STDIN_FILENO, line, sizeof line) > 0)
        continue;
    herd_close(&herd);
    load_clear(&load);
}
