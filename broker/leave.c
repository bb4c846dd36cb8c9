// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/leave.h"

#include "base/log.h"
#include "broker/client.h"
#include "broker/deliver.h"
#include "broker/hold.h"
#include "broker/internal.h"
#include "broker/send.h"
#include "mqtt/reason.h"

static void publish_will(struct broker *broker, struct session *session)
{
    struct message *message = will_take(&session->will, broker_now(broker));
    if (message == NULL) return;
    (void)deliver_publish(broker, message); /* nobody is left to be told how it went */
    message_unref(message);
}

void leave_end_session(struct broker *broker, struct session *session)
{
    publish_will(broker, session);
    deliver_hand_over(broker, session);
    session_free(&broker->sessions, session);
}

/* The timers of a session know no broker; its store does. */
static struct broker *broker_of(struct session *session)
{
    return CONTAINER_OF(session->store, struct broker, sessions);
}

static void on_will_due(struct timer *timer)
{
    struct session *session = CONTAINER_OF(timer, struct will, delay)->session;
    publish_will(broker_of(session), session);
}

static void on_session_expired(struct timer *timer)
{
    struct session *session = CONTAINER_OF(timer, struct session_expiry, timer)->session;
    broker_of(session)->counters.expired++;
    leave_end_session(broker_of(session), session);
}

/* False: out of memory. */
static bool start_expiry(struct broker *broker, struct session *session)
{
    if (session->expiry_ms == UINT64_MAX) return true;
    struct timer *timer = session_expiry(session);
    if (timer == NULL) return false;
    broker_set_timer(broker, timer, session->expiry_ms, on_session_expired);
    return true;
}

/* Parts a client from its session, which lives on as long as was agreed. */
static void detach(struct client *client, bool with_will)
{
    struct broker *broker = client->broker;
    struct session *session = client->session;
    if (session == NULL) return;
    client->session = NULL;
    session->client = NULL;
    broker->counters.connected--;
    if (session->queue != NULL) queue_drop_qos0(session->queue);
    session_trim(session);
    session->slow = false;
    hold_release_all(broker, session);
    if (!with_will) will_clear(&session->will);
    if (session->expiry_ms == 0 || !start_expiry(broker, session)) {
        leave_end_session(broker, session);
        return;
    }
    if (session->will == NULL) return;
    if (session->will->delay_ms == 0)
        publish_will(broker, session);
    else
        broker_set_timer(broker, &session->will->delay, session->will->delay_ms, on_will_due);
}

static void log_ended(const struct client *client, uint8_t reason)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "client ended");
    log_span(&line, "client_id", session_id(client->session));
    log_number(&line, "mqtt", client->version);
    if (reason != 0) log_number(&line, "reason", reason);
    log_end(&line);
}

void leave_told(struct client *client, uint8_t reason)
{
    struct session *session = client->session;
    if (session == NULL) {
        client_close(client);
        return;
    }
    log_ended(client, reason);
    detach(client, true);
    send_disconnect(client, reason);
    client_end(client);
}

void leave_lost(struct client *client)
{
    detach(client, true);
    client_close(client);
}

void leave_by_disconnect(struct client *client, bool with_will)
{
    detach(client, with_will);
    client_end(client);
}

void leave_shut_down(struct client *client)
{
    if (client->state < CLIENT_AWAIT_PACKETS) client_close(client);
    if (client->session == NULL) return;
    detach(client, false);
    send_disconnect(client, MQTT_REASON_SERVER_SHUTTING_DOWN);
    client_end(client);
}

uint64_t leave_limit_expiry(const struct broker *broker, uint32_t asked_s)
{
    uint64_t asked_ms = asked_s == UINT32_MAX ? UINT64_MAX : (uint64_t)asked_s * 1000;
    uint64_t most_ms = broker->limits.max_session_expiry_ms;
    return asked_ms < most_ms ? asked_ms : most_ms;
}

bool leave_set_expiry(struct client *client, uint32_t session_expiry_interval_s)
{
    struct session *session = client->session;
    bool never_lives_on = client->broker->limits.max_session_expiry_ms == 0;
    if (session->expiry_ms == 0 && session_expiry_interval_s != 0) return never_lives_on;
    session->expiry_ms = leave_limit_expiry(client->broker, session_expiry_interval_s);
    return true;
}
