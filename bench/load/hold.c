// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/herd.h"
#include "bench/load/report.h"
#include "bench/load/scenarios.h"

static struct herd herd;
static unsigned unanswered;

static void on_ready(struct client *client)
{
    herd_on_ready(&herd, client);
}

static void on_data(struct client *client, struct span data)
{
    client->received += data.length;
    unsigned back = (unsigned)(client->received / client->load->message_length);
    client->received %= client->load->message_length;
    client->messages -= back;
    unanswered -= back;
}

static void on_lost(struct client *client, const char *why)
{
    herd_on_lost(&herd, client, why);
}

/* Every client sends, none waits for another one. */
static void burst(struct load *load)
{
    const struct options *options = load->options;
    uint64_t begun = clock_ns();
    for (unsigned i = 0; i < options->clients; i++) {
        herd.clients[i].messages += options->in_flight;
        unanswered += options->in_flight;
        client_send_messages(&herd.clients[i], options->in_flight);
        client_flush(&herd.clients[i]);
        (void)load_run(load, clock_ns() + 1000, false);
    }
    while (unanswered > 0 && clock_ns() < begun + 60ULL * 1000000000)
        (void)load_run(load, clock_ns() + 1000000, false);
    report(json_pack("{s:s, s:f, s:i}", "event", "burst", "seconds",
                     (double)(clock_ns() - begun) / 1e9, "unanswered", (int)unanswered));
}

void scenario_hold(const struct options *options)
{
    static const struct client_events events = {on_ready, on_data, on_lost};
    struct load load;
    char line[64];
    load_init(&load, options);
    uint64_t begun = clock_ns();
    herd_gather(&herd, &load, &events);
    double seconds = (double)(clock_ns() - begun) / 1e9;
    report(json_pack("{s:s, s:f, s:i, s:o}", "event", "ready", "seconds", seconds, "lost",
                     (int)herd.lost, "ready", samples_report(&herd.times)));
    while (load_run(&load, UINT64_MAX / 2, true)) {
        ssize_t length = read(STDIN_FILENO, line, sizeof line);
        if (length <= 0) break;
        if (strncmp(line, "burst", 5) == 0) burst(&load);
    }
    herd_close(&herd);
    load_clear(&load);
}
