// SPDX-License-Identifier: GPL-3.0-or-later
/* bench/topics: what finding the subscribers of a topic costs in the included broker, and what a
 * subscription takes, with ever more subscriptions of which always the same number match. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/subscriptions.h"

enum { ROUNDS = 200 * 1000, MATCHES = 4, DEVICES_AT_A_SITE = 100 };

static double now_s(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time); /* cannot fail for this clock */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void add(struct subscriptions *set, struct subscriber *subscriber, const char *filter)
{
    const struct subscription_options options = {0};
    bool existed = false;
    CHECK(subscriptions_add(set, subscriber, span_of(filter), &options, &existed) && !existed);
}

/* Each device has two filters of its own; two that watch everything match as well. */
static struct subscriber *subscribe_all(struct subscriptions *set, unsigned devices)
{
    struct subscriber *subscribers = calloc(devices + 2, sizeof subscribers[0]);
    CHECK(subscribers != NULL);
    for (unsigned i = 0; i < devices; i++) {
        char filter[64];
        unsigned site = i / DEVICES_AT_A_SITE;
        (void)snprintf(filter, sizeof filter, "site/%u/device/%u/command", site, i);
        add(set, &subscribers[i], filter);
        (void)snprintf(filter, sizeof filter, "site/%u/device/%u/+", site, i);
        add(set, &subscribers[i], filter);
    }
    add(set, &subscribers[devices], "site/+/device/+/command");
    add(set, &subscribers[devices + 1], "#");
    return subscribers;
}

static void count_one(void *arg, const struct subscription *subscription)
{
    size_t *found = arg;
    (void)subscription;
    ++*found;
}

static double nanoseconds(struct subscriptions *set, unsigned devices)
{
    size_t found = 0;
    uint64_t random = 1;
    const struct subscription_visitor visitor = {.subscription = count_one, .arg = &found};
    double began = now_s();
    for (unsigned i = 0; i < ROUNDS; i++) {
        char topic[64];
        random = random * 6364136223846793005U + 1442695040888963407U;
        unsigned device = (unsigned)(random >> 33) % devices;
        (void)snprintf(topic, sizeof topic, "site/%u/device/%u/command", device / DEVICES_AT_A_SITE,
                       device);
        subscriptions_match(set, span_of(topic), &visitor);
    }
    double took = now_s() - began;
    CHECK(found == (size_t)ROUNDS * MATCHES);
    return took * 1e9 / ROUNDS;
}

int main(void)
{
    static const unsigned counts[] = {1000, 100 * 1000, 1000 * 1000};
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        struct subscriptions set;
        unsigned devices = counts[i] / 2;
        size_t before = mallinfo2().uordblks;
        subscriptions_init(&set);
        struct subscriber *subscribers = subscribe_all(&set, devices);
        double each = (double)(mallinfo2().uordblks - before) / counts[i];
        (void)printf(
            "%7u subscriptions, %d of them match: %5.0f ns a publish, %3.0f bytes for each "
            "subscription\n",
            counts[i], MATCHES, nanoseconds(&set, devices), each);
        subscriptions_clear(&set);
        free(subscribers);
    }
    return 0;
}
