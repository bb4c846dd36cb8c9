// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/hold.h"

#include <stdlib.h>

#include "broker/client.h"
#include "broker/internal.h"

struct hold {
    struct client *client;
    struct session *session; /* that has to catch up */
    struct hold *next;
    struct hold **link;
    struct timer timer;
};

static void on_too_slow(struct timer *timer)
{
    struct hold *hold = CONTAINER_OF(timer, struct hold, timer);
    struct session *session = hold->session;
    session->slow = true;
    hold_release_all(hold->client->broker, session);
}

void hold_client(struct client *client, struct session *session)
{
    struct broker *broker = client->broker;
    if (client->hold != NULL) return;
    struct hold *hold = calloc(1, sizeof *hold);
    if (hold == NULL) return; /* it is not held back, and what is too much is dropped */
    hold->client = client;
    hold->session = session;
    session->awaited = true;
    hold->next = broker->held;
    hold->link = &broker->held;
    if (hold->next != NULL) hold->next->link = &hold->next;
    broker->held = hold;
    client->hold = hold;
    broker_set_timer(broker, &hold->timer, HOLD_MS, on_too_slow);
}

void hold_release(struct client *client)
{
    struct hold *hold = client->hold;
    if (hold == NULL) return;
    client->hold = NULL;
    *hold->link = hold->next;
    if (hold->next != NULL) hold->next->link = hold->link;
    timer_clear(&hold->timer);
    free(hold);
    client_touch(client);
}

void hold_release_all(struct broker *broker, struct session *session)
{
    struct hold *next = NULL;
    if (!session->awaited) return;
    session->awaited = false;
    for (struct hold *hold = broker->held; hold != NULL; hold = next) {
        next = hold->next;
        if (hold->session == session) hold_release(hold->client);
    }
}
