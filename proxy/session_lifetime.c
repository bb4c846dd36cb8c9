// SPDX-License-Identifier: GPL-3.0-or-later
/* How long an established session may go on: while its client is heard, its certificate is valid,
 * and nothing has been decided against it. One deadline serves all of them. */
#include "proxy/session_private.h"

/* Clocks are set now and then, so that an hour is as far as one looks by them. */
enum { FARTHEST_LOOK_S = 3600 };

/* 0 is never. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static const struct config_policy *policy_of(const struct session *session)
{
    size_t policy = session->listener->config->policy;
    return policy == SIZE_MAX ? NULL : &session->snapshot->config->policies[policy];
}

static bool ends_with_certificate(const struct session *session)
{
    const struct config_policy *policy = policy_of(session);
    return session->record.certificate != NULL &&
           (policy == NULL || policy->end_at_certificate_expiry);
}

uint64_t session_idle_limit_ms(const struct session *session)
{
    const struct config_limits *limits = &session->listener->config->limits;
    switch (limits->idle) {
    case CONFIG_IDLE_KEEP_ALIVE:
        return (uint64_t)session->record.keep_alive_s * 1500;
    case CONFIG_IDLE_FIXED:
        return limits->idle_timeout_ms;
    case CONFIG_IDLE_OFF:
        break;
    }
    return 0;
}

/* Each of these gives the time left in ms, at least 1; 0: for ever. */

bool session_is_stalled(const struct session *session)
{
    const struct endpoint *backend = session->relay.backend;
    return session->stage == RELAYING && backend != NULL && backend->pending > 0 &&
           !session->relay.client->wants_reading;
}

/* The client was heard the last time when there was too much for the broker. */
static uint64_t stall_left(const struct session *session, uint64_t now_ms)
{
    if (!session_is_stalled(session)) return 0;
    uint64_t limit_ms = session->pool->config->stall_timeout_ms;
    uint64_t stalled_ms = now_ms - session->last_heard_ms;
    if (limit_ms == 0) return 0;
    return stalled_ms < limit_ms ? limit_ms - stalled_ms : 1;
}

static uint64_t idle_left(const struct session *session, uint64_t now_ms)
{
    uint64_t limit_ms = session_idle_limit_ms(session);
    uint64_t silent_ms = now_ms - session->last_heard_ms;
    if (limit_ms == 0) return 0;
    if (session_is_held(session) || session_is_stalled(session))
        return limit_ms; /* it is we who do not listen */
    return silent_ms < limit_ms ? limit_ms - silent_ms : 1;
}

static uint64_t lifetime_left(const struct session *session, uint64_t now_ms)
{
    uint64_t limit_ms = session->listener->config->limits.max_lifetime_ms;
    uint64_t age_ms = now_ms - session->record.started_ms;
    if (limit_ms == 0) return 0;
    return age_ms < limit_ms ? limit_ms - age_ms : 1;
}

static uint64_t certificate_left(const struct session *session, time_t now)
{
    if (!ends_with_certificate(session)) return 0;
    time_t left_s = session->record.certificate->not_after - now;
    if (left_s < 0) return 1;
    return left_s > FARTHEST_LOOK_S ? FARTHEST_LOOK_S * 1000ULL : (uint64_t)left_s * 1000 + 1;
}

static uint64_t verdict_left(const struct session *session, uint64_t now_ms)
{
    if (session->verdict == REFUSAL_NONE) return 0;
    return session->verdict_due_ms > now_ms ? session->verdict_due_ms - now_ms : 1;
}

void session_set_lifetime(struct session *session)
{
    uint64_t now_ms = session->loop->deadlines.now_ms;
    uint64_t left_ms = idle_left(session, now_ms);
    left_ms = sooner(left_ms, stall_left(session, now_ms));
    left_ms = sooner(left_ms, lifetime_left(session, now_ms));
    left_ms = sooner(left_ms, certificate_left(session, time(NULL)));
    left_ms = sooner(left_ms, verdict_left(session, now_ms));
    if (left_ms == 0)
        timer_clear(&session->deadline);
    else
        session_set_deadline(session, left_ms);
}

/* A client that has been heard since has its deadline moved, so that traffic costs no timer. */
enum alive session_check_lifetime(struct session *session)
{
    uint64_t now_ms = session->loop->deadlines.now_ms;
    bool due = session->verdict != REFUSAL_NONE && now_ms >= session->verdict_due_ms;
    if (due && session->verdict == REFUSAL_DRAINING) return session_let_go(session);
    if (due)
        return session_disconnect(session, MQTT_REASON_NOT_AUTHORIZED,
                                  refusal_word(session->verdict));
    if (ends_with_certificate(session) && time(NULL) > session->record.certificate->not_after)
        return session_disconnect(session, MQTT_REASON_NOT_AUTHORIZED, "certificate_expired");
    if (lifetime_left(session, now_ms) == 1)
        return session_disconnect(session, MQTT_REASON_MAXIMUM_CONNECT_TIME, "max_lifetime");
    if (stall_left(session, now_ms) == 1)
        return session_disconnect(session, MQTT_REASON_SERVER_BUSY, "backend_stalled");
    if (idle_left(session, now_ms) == 1)
        return session_disconnect(session, MQTT_REASON_KEEP_ALIVE_TIMEOUT, "keep_alive_timeout");
    session_set_lifetime(session);
    return ALIVE;
}
