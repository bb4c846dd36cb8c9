// SPDX-License-Identifier: GPL-3.0-or-later
/* The CONNECT: kept until it is whole, read, judged, and rewritten for the broker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/connect.h"
#include "proxy/policy/policy.h"
#include "proxy/refusal.h"
#include "proxy/session_private.h"

void session_drop_early(struct session *session)
{
    if (session->early == NULL) return;
    explicit_bzero(session->early, session->early_length); /* a CONNECT holds a password */
    free(session->early);
    session->early = NULL;
    session->early_length = 0;
}

/* Unlike realloc it leaves no copy of a password behind. */
bool session_keep_early(struct session *session, struct span more)
{
    if (more.length == 0) return true;
    size_t before = session->early_length;
    uint8_t *grown = malloc(before + more.length);
    if (grown == NULL) return false;
    if (before > 0) memcpy(grown, session->early, before);
    memcpy(grown + before, more.data, more.length);
    session_drop_early(session);
    session->early = grown;
    session->early_length = before + more.length;
    return true;
}

static const char BAD_PROPERTY[] =
    "a property of the CONNECT stands twice, has a value that MQTT forbids, or lacks the property "
    "that it belongs to";

static enum alive refuse_status(struct session *session, enum mqtt_status status)
{
    switch (status) {
    case MQTT_VERSION_NOT_SPOKEN:
        return session_refuse(session, REFUSAL_VERSION_NOT_SPOKEN, "");
    case MQTT_CLIENT_ID_INVALID:
        return session_refuse(session, REFUSAL_CLIENT_ID_INVALID, "");
    case MQTT_TOO_LARGE:
        return session_refuse(session, REFUSAL_CONNECT_TOO_LARGE, "");
    case MQTT_PROTOCOL_ERROR:
        return session_refuse(session, REFUSAL_PROTOCOL_ERROR,
                              session->record.mqtt_version == 0 ? "" : BAD_PROPERTY);
    case MQTT_PAYLOAD_NO_TEXT:
        return session_refuse(session, REFUSAL_WILL_PAYLOAD, "");
    case MQTT_OK: /* it is not asked for these two */
    case MQTT_NEED_MORE:
    case MQTT_MALFORMED:
    case MQTT_TOPIC_ALIAS_ZERO:
        break;
    }
    return session_refuse(session, REFUSAL_MALFORMED, "");
}

static void remember_connect(struct session *session, const struct mqtt_connect *connect)
{
    struct access_record *record = &session->record;
    record->client_id = strndup((const char *)connect->client_id.data, connect->client_id.length);
    if (connect->has_username)
        record->username = strndup((const char *)connect->username.data, connect->username.length);
    record->mqtt_version = connect->version;
    counters_connect(session->relay.counters, record->mqtt_version);
    record->keep_alive_s = connect->keep_alive_s;
    session->problem_information = connect->request_problem_information;
    session->largest_packet = connect->maximum_packet_size == 0 ||
                                      connect->maximum_packet_size > UINT16_MAX
                                  ? UINT16_MAX
                                  : (uint16_t)connect->maximum_packet_size;
}

static struct span text_span(const char *text)
{
    return span_of(text == NULL ? "" : text);
}

struct facts session_facts(const struct session *session)
{
    const struct access_record *record = &session->record;
    return (struct facts){
        .source = record->source.address,
        .tls_version = record->tls.version,
        .server_name = text_span(record->server_name),
        .certificate = record->certificate,
        .mqtt_version = record->mqtt_version,
        .client_id = text_span(record->client_id),
        .username = text_span(record->username),
        .has_username = record->username != NULL,
        .listener = record->listener,
        .tls_cipher = record->tls.cipher,
        .tls_group = record->tls.group,
    };
}

static enum alive refuse_rewriting(struct session *session, enum rewriting rewriting,
                                   const struct config_rule *rule)
{
    char detail[POLICY_DETAIL_ROOM];
    assert(rule != NULL); /* nothing is rewritten without one */
    if (rewriting == REWRITING_OUT_OF_MEMORY) return session_refuse(session, REFUSAL_BUSY, "");
    bool client_id = rewriting == REWRITING_LACKS_CLIENT_ID;
    (void)snprintf(detail, sizeof detail,
                   "rule \"%.64s\" gives the broker the %s \"%.100s\", and this client has no "
                   "value for it",
                   rule->name, client_id ? "client id" : "username",
                   client_id ? rule->connect.client_id : rule->connect.username);
    return session_refuse(session, REFUSAL_CONNECT_FIELDS, detail);
}

/* For the rule that has decided, of the snapshot that the client was judged by. */
static void count_decision(const struct session *session, const struct config_rule *rule,
                           bool admitted)
{
    const struct snapshot *snapshot = session->list->snapshot;
    size_t listener = snapshot_find_listener(snapshot, session->record.listener);
    size_t policy = listener == SIZE_MAX ? SIZE_MAX : snapshot->listeners[listener].config->policy;
    if (policy != SIZE_MAX)
        policy_counters_note(&snapshot->rule_counters[policy], rule, session->loop->number,
                             admitted);
}

static enum alive decide(struct session *session, size_t packet_length)
{
    struct mqtt_connect connect;
    enum mqtt_status status = mqtt_connect_decode(&connect, session->early, packet_length);
    session->record.mqtt_version = connect.version;
    if (status != MQTT_OK) return refuse_status(session, status);
    remember_connect(session, &connect);
    if (session->list->draining && !session->list->admits)
        return session_refuse(session, REFUSAL_DRAINING, "");
    if (session->over != REFUSAL_NONE) return session_refuse(session, session->over, "");
    struct decision decision = session_judge(session);
    (void)session_adopt(session, decision.rule); /* the door may have been another one's */
    session->record.rule = decision.rule == NULL ? NULL : decision.rule->name;
    if (!decision.admitted) {
        count_decision(session, decision.rule, false);
        return session_refuse(session, decision.refusal, decision.detail);
    }
    if (!session_guard(session, decision.rule)) return session_refuse(session, REFUSAL_BUSY, "");
    if (connect.will.present && !session_may_publish(session, connect.will.topic)) {
        count_decision(session, decision.rule, false);
        return session_refuse(session, REFUSAL_WILL_TOPIC, "");
    }
    enum rewriting rewriting = session_rewrite_connect(session, decision.rule, &connect,
                                                       packet_length);
    count_decision(session, decision.rule, rewriting == REWRITTEN);
    if (rewriting != REWRITTEN) return refuse_rewriting(session, rewriting, decision.rule);
    return session_dial(session, decision.backend == SIZE_MAX ? session->listener->config->backend
                                                              : decision.backend);
}

/* The CONNECT is not whole yet: what was to go with its answer goes now. */
static enum alive tell_what_waits(struct session *session)
{
    return relay_flush(&session->relay) ? ALIVE : session_end(session, "client_reset");
}

enum alive session_read_connect(struct session *session, size_t length)
{
    struct span plaintext = {NULL, 0};
    bool peer_closed = false;
    size_t packet_length = 0;
    enum mqtt_version version = 0;
    if (session_decrypt(session, length, &plaintext, &peer_closed) == GONE) return GONE;
    if (!session_keep_early(session, plaintext)) return session_end(session, "out_of_memory");
    if (session->early_length == 0)
        return peer_closed ? session_end(session, "client_closed") : tell_what_waits(session);
    enum mqtt_status status = mqtt_connect_peek(session->early, session->early_length,
                                                session->listener->config->limits.max_connect_size,
                                                &packet_length, &version);
    session->record.mqtt_version = version;
    if (status == MQTT_OK) return decide(session, packet_length);
    if (status != MQTT_NEED_MORE) return refuse_status(session, status);
    return peer_closed ? session_end(session, "client_closed") : tell_what_waits(session);
}
