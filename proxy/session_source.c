// SPDX-License-Identifier: GPL-3.0-or-later
/* What a client's address has on its account: connections and failures. */
#include "base/clock.h"
#include "config/address.h"
#include "proxy/session_private.h"

bool session_is_from_proxy(const struct session *session)
{
    const struct access_source *source = &session->record.source;
    return source->is_unix ||
           address_in_ranges(&session->listener->config->trusted_proxies, &source->address);
}

enum alive session_enter_source(struct session *session)
{
    const struct config_limits *limits = &session->listener->config->limits;
    const struct access_source *source = &session->record.source;
    struct counters *counters = session->relay.counters;
    if (session->listener->sources == NULL || source->is_unix) return ALIVE;
    session->has_source = true;
    switch (sources_enter(session->listener->sources, &source->address, limits,
                          clock_monotonic_ms(), &session->ticket)) {
    case SOURCES_WELCOME:
        break;
    case SOURCES_OVER:
        if (session->over == REFUSAL_NONE) session->over = REFUSAL_TOO_MANY_OF_SOURCE;
        break;
    case SOURCES_FAR_OVER:
        return session_turn_away(session, &counters->turned_away_source,
                                 refusal_word(REFUSAL_TOO_MANY_OF_SOURCE));
    case SOURCES_BLOCKED:
        return session_turn_away(session, &counters->turned_away_blocked, "blocked");
    }
    return ALIVE;
}

void session_leave_source(struct session *session)
{
    if (session->listener->sources != NULL)
        sources_leave(session->listener->sources, session->ticket);
    session->ticket = (struct sources_ticket){0};
    session->has_source = false;
}

void session_note_failure(struct session *session)
{
    const struct config_limits *limits = &session->listener->config->limits;
    if (!session->has_source || !limits->penalised) return;
    if (!sources_fail(session->listener->sources, &session->record.source.address, &limits->penalty,
                      clock_monotonic_ms()))
        return;
    counter_add(&session->relay.counters->blocks, 1);
    access_log_blocked(&session->record, &limits->penalty);
}

/* What is our own trouble, or that of a listener, is nobody's fault. */
void session_note_refusal(struct session *session, enum refusal refusal)
{
    switch (refusal) {
    case REFUSAL_NO_BACKEND:
    case REFUSAL_TOO_MANY_CONNECTIONS:
    case REFUSAL_TOO_MANY_OF_SOURCE:
    case REFUSAL_BUSY:
    case REFUSAL_DRAINING:
        return;
    default:
        session_note_failure(session);
    }
}

/* Whoever tries passwords is refused by the broker, and not by us. */
void session_note_connack(struct session *session)
{
    switch (session->record.connack) {
    case 4: /* MQTT 3.1.1, 3.2.2.3: bad user name or password */
    case 5: /* not authorized */
    case MQTT_REASON_BAD_USER_NAME_OR_PASSWORD:
    case MQTT_REASON_NOT_AUTHORIZED:
    case MQTT_REASON_BANNED:
    case MQTT_REASON_BAD_AUTHENTICATION_METHOD:
        session_note_failure(session);
        break;
    default:
        break;
    }
}
