// SPDX-License-Identifier: GPL-3.0-or-later
/* Sessions whose rule or listener says what a client may send: their bytes go through a guard, and
 * their client is read no faster than it may send. The others have none of this. */
#include <stdlib.h>

#include "proxy/session_private.h"

struct session_guard {
    struct guard *guard;
    struct rate messages;
    struct rate bytes;
    struct timer pause;
    struct session *session;
    uint64_t publishes; /* that have been counted */
};

static bool looks_at(const struct config_topics *topics)
{
    return topics->has_allow || topics->deny.count > 0;
}

static struct topics *topics_for(const struct session *session, const struct config_topics *config,
                                 bool *failed)
{
    struct facts facts = session_facts(session);
    if (config == NULL || !looks_at(config)) return NULL;
    struct topics *topics = topics_new(config, &facts);
    *failed = *failed || topics == NULL;
    return topics;
}

static bool is_needed(const struct config_limits *limits, const struct config_rule *rule)
{
    return limits->max_packet_size > 0 || limits->message_rate > 0 || limits->byte_rate > 0 ||
           (rule != NULL && (looks_at(&rule->publish) || looks_at(&rule->subscribe)));
}

bool session_guard(struct session *session, const struct config_rule *rule)
{
    bool failed = false;
    const struct config_limits *limits = &session->listener->config->limits;
    uint64_t now_ms = session->loop->deadlines.now_ms;
    if (!is_needed(limits, rule)) return true;
    struct guard_settings settings = {
        .version = (enum mqtt_version)session->record.mqtt_version,
        .publish = topics_for(session, rule == NULL ? NULL : &rule->publish, &failed),
        .subscribe = topics_for(session, rule == NULL ? NULL : &rule->subscribe, &failed),
        .close_on_violation = rule != NULL && rule->on_violation_close,
        .max_packet_size = limits->max_packet_size,
    };
    struct guard *guard = guard_new(&settings);
    session->guard = guard == NULL || failed ? NULL : calloc(1, sizeof *session->guard);
    if (session->guard == NULL) {
        guard_free(guard);
        return false;
    }
    session->guard->guard = guard;
    session->guard->session = session;
    rate_init(&session->guard->messages, limits->message_rate, now_ms);
    rate_init(&session->guard->bytes, limits->byte_rate, now_ms);
    return true;
}

/* A guard for a session that had none can begin between two fixed headers only. */
static bool begin_inside(struct session *session)
{
    const struct packets *client = &session->relay.from_client;
    const struct packets *backend = &session->relay.from_backend;
    if (session->guard == NULL) return true;
    if (client->lost || client->header_read > 0 || backend->lost || backend->header_read > 0)
        return false;
    guard_begin_inside(session->guard->guard, client->left, backend->left);
    return true;
}

bool session_guard_anew(struct session *session, const struct config_rule *rule)
{
    bool failed = false;
    if (session->guard == NULL) return session_guard(session, rule) && begin_inside(session);
    struct topics *publish = topics_for(session, rule == NULL ? NULL : &rule->publish, &failed);
    struct topics *subscribe = topics_for(session, rule == NULL ? NULL : &rule->subscribe, &failed);
    guard_set_topics(session->guard->guard, publish, subscribe,
                     rule != NULL && rule->on_violation_close);
    return !failed;
}

bool session_may_publish(const struct session *session, struct span topic)
{
    return session->guard == NULL || guard_may_publish(session->guard->guard, topic);
}

void session_unguard(struct session *session)
{
    if (session->guard == NULL) return;
    timer_clear(&session->guard->pause);
    guard_free(session->guard->guard);
    free(session->guard);
    session->guard = NULL;
}

/* ------------------------------------------------------------------------------------------ rates
 */

static void on_pause_over(struct timer *timer)
{
    struct session_guard *guard = CONTAINER_OF(timer, struct session_guard, pause);
    struct session *session = guard->session;
    session->last_heard_ms = session->loop->deadlines.now_ms; /* it was we who did not listen */
    relay_release_client(&session->relay);
}

static void keep_pace(struct session *session, size_t bytes)
{
    struct session_guard *guard = session->guard;
    uint64_t now_ms = session->loop->deadlines.now_ms;
    uint64_t published = guard_publishes(guard->guard) - guard->publishes;
    guard->publishes += published;
    uint64_t wait_ms = rate_take(&guard->messages, published, now_ms);
    uint64_t bytes_ms = rate_take(&guard->bytes, bytes, now_ms);
    if (bytes_ms > wait_ms) wait_ms = bytes_ms;
    if (wait_ms == 0) return;
    relay_hold_client(&session->relay);
    timer_set(&session->loop->deadlines, &guard->pause, wait_ms, on_pause_over);
}

bool session_is_held(const struct session *session)
{
    return session->guard != NULL && timer_is_set(&session->guard->pause);
}

/* ------------------------------------------------------------------------------------------ bytes
 */

static bool to_backend(void *arg, struct span data)
{
    struct session *session = arg;
    return relay_to_backend(&session->relay, data);
}

static bool to_client(void *arg, struct span data)
{
    struct session *session = arg;
    return relay_to_client(&session->relay, data);
}

static enum alive lose_backend(struct session *session)
{
    if (session->stage == AWAIT_CONNACK)
        return session_lose_backend(session, "it closed the connection without a CONNACK");
    endpoint_reset(&session->relay.client);
    return session_end(session, "backend_reset");
}

static enum alive violate(struct session *session)
{
    struct guard_violation violation = guard_violation(session->guard->guard);
    if (violation.code != MQTT_REASON_ADMINISTRATIVE_ACTION) /* which is our own doing */
        session_note_failure(session);
    return session_disconnect(session, violation.code, violation.reason);
}

static enum alive pass(struct session *session, struct span data,
                       bool (*to)(void *arg, struct span data))
{
    const struct guard_sink sink = {to, to_client, session};
    if (session->guard == NULL) return to(session, data) ? ALIVE : lose_backend(session);
    switch (guard_from_client(session->guard->guard, data, &sink)) {
    case GUARD_OK:
        break;
    case GUARD_BROKEN:
        return lose_backend(session);
    case GUARD_VIOLATION:
        return violate(session);
    }
    keep_pace(session, data.length);
    return ALIVE;
}

static bool count(void *arg, struct span data)
{
    struct session *session = arg;
    relay_count_from_client(&session->relay, data);
    return true;
}

enum alive session_count_connect(struct session *session, struct span connect)
{
    return pass(session, connect, count);
}

enum alive session_to_backend(struct session *session, struct span data)
{
    return pass(session, data, to_backend);
}

enum alive session_to_client(struct session *session, struct span data)
{
    const struct guard_sink sink = {to_backend, to_client, session};
    if (session->guard == NULL)
        return relay_to_client(&session->relay, data) ? ALIVE
                                                      : session_end(session, "client_reset");
    switch (guard_from_backend(session->guard->guard, data, &sink)) {
    case GUARD_OK:
        break;
    case GUARD_BROKEN:
        return session_end(session, "client_reset");
    case GUARD_VIOLATION:
        return violate(session);
    }
    return ALIVE;
}
