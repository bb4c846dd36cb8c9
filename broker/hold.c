// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/hold.h"

#include "broker/client.h"
#include "broker/internal.h"

static void on_too_slow(struct timer *timer)
{
    struct client *client = CONTAINER_OF(timer, struct client, hold);
    struct session *session = client->held_for;
    session->slow = true;
    hold_release_all(client->broker, session);
}

void hold_client(struct client *client, struct session *session)
{
    struct broker *broker = client->broker;
    if (client->held_for != NULL) return;
    client->held_for = session;
    session->awaited = true;
    client->next_held = broker->held;
    client->held_link = &broker->held;
    if (client->next_held != NULL) client->next_held->held_link = &client->next_held;
    broker->held = client;
    broker_set_timer(broker, &client->hold, HOLD_MS, on_too_slow);
}

void hold_release(struct client *client)
{
    if (client->held_for == NULL) return;
    client->held_for = NULL;
    *client->held_link = client->next_held;
    if (client->next_held != NULL) client->next_held->held_link = client->held_link;
    timer_clear(&client->hold);
    client_touch(client);
}

void hold_release_all(struct broker *broker, struct session *session)
{
    struct client *next = NULL;
    if (!session->awaited) return;
    session->awaited = false;
    for (struct client *client = broker->held; client != NULL; client = next) {
        next = client->next_held;
        if (client->held_for == session) hold_release(client);
    }
}
