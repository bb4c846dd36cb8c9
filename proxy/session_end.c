// SPDX-License-Identifier: GPL-3.0-or-later
/* How sessions end: at once, gently where the client has been told why, or one side after the
 * other; and what each way tells the log, the counters and the server that it leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mqtt/disconnect.h"
#include "proxy/admission/descriptors.h"
#include "proxy/backend/slots.h"
#include "proxy/refusal.h"
#include "proxy/session_private.h"

enum {
    CLOSE_TIMEOUT_MS = 2000,      /* for a refused client to read its refusal and go */
    HALF_CLOSE_TIMEOUT_MS = 10000 /* for the other side, when one has ended */
};

/* After a DISCONNECT it says nothing who closed first. */
static void keep_reason(struct session *session, const char *reason)
{
    if (session->record.reason != NULL) return;
    bool goodbye = packets_end_with_disconnect(&session->relay.from_client);
    session->record.reason = goodbye ? "client_disconnect" : reason;
}

static void release(struct session *session)
{
    timer_clear(&session->deadline);
    dial_cancel(&session->dial);
    endpoint_close(&session->relay.client);
    endpoint_close(&session->relay.backend);
    relay_clear(&session->relay);
    tls_stream_free(session->relay.tls);
    session_unguard(session);
    session_leave_turn(session);
    session_leave_source(session);
    if (session->has_token)
        token_bucket_return(&session->listener->counters->handshakes,
                            session->listener->config->limits.handshakes_per_second);
    descriptors_release(session->descriptors);
    free(session->route);
    free(session->held);
    session_drop_early(session);
    session_drop_handover(session);
    access_record_clear(&session->record);
    if (session->list->to_judge == session) session->list->to_judge = session->next;
    if (session->list->listing != NULL && session->list->listing->next == session)
        session->list->listing->next = session->next;
    if (session->link != NULL) {
        *session->link = session->next;
        if (session->next != NULL) session->next->link = session->link;
        session->list->count--;
    }
    snapshot_unref(session->snapshot);
    snapshot_unref(session->other);
    free(session);
}

enum alive session_end(struct session *session, const char *reason)
{
    struct access_record *record = &session->record;
    keep_reason(session, reason);
    session_note_left(session);
    counters_word(&session->relay.counters->ended, record->reason);
    atomic_fetch_sub_explicit(&session->listener->counters->connections, 1, memory_order_relaxed);
    if (session->has_place)
        atomic_fetch_sub_explicit(&session->listener->counters->places, 1, memory_order_relaxed);
    if (record->server_index >= 0) slots_release(session->pool, record->server_index);
    if (session->snapshot->config->log.access && record->tls.version != 0)
        access_log(record, &session->relay, clock_monotonic_ms());
    release(session);
    return GONE;
}

/* A slow client that is let go has the time of the drain to read what is under way to it. */
void session_set_close_deadline(struct session *session)
{
    uint64_t now_ms = session->loop->deadlines.now_ms;
    uint64_t delay_ms = CLOSE_TIMEOUT_MS;
    if (session->list->draining && session->relay.client->pending > 0 &&
        session->list->drain_ends_ms > now_ms + CLOSE_TIMEOUT_MS)
        delay_ms = session->list->drain_ends_ms - now_ms;
    session_set_deadline(session, delay_ms);
}

enum alive session_turn_away(struct session *session, struct counter *counter, const char *reason)
{
    counter_add(counter, 1);
    access_log_turned_away(&session->record, reason);
    return session_end(session, reason);
}

enum alive session_close_gently(struct session *session)
{
    dial_cancel(&session->dial);
    endpoint_close(&session->relay.backend);
    if (!relay_end_to_client(&session->relay)) return session_end(session, "client_reset");
    session_enter(session, CLOSING);
    session_set_close_deadline(session);
    endpoint_resume(session->relay.client);
    return GONE;
}

static void note_failed_handshake(struct session *session, const char *reason, const char *sentence)
{
    access_log_failed_handshake(&session->record, reason, sentence);
    counters_word(&session->relay.counters->failures, reason);
    session_note_incident(session, INCIDENT_HANDSHAKE, reason, sentence);
    if (strcmp(reason, "out_of_memory") != 0) session_note_failure(session);
    session->record.reason = reason;
}

enum alive session_fail_handshake(struct session *session, const char *reason, const char *sentence)
{
    note_failed_handshake(session, reason, sentence);
    return session_close_gently(session);
}

enum alive session_lose_handshake(struct session *session, const char *sentence)
{
    note_failed_handshake(session, "client_reset", sentence);
    return session_end(session, "client_reset");
}

/* Who watches wants to know which backend; the client does not have to. */
static void note_refused_incident(const struct session *session, enum refusal refusal,
                                  const char *detail)
{
    char sentence[INCIDENT_SENTENCE_ROOM];
    bool of_backend = refusal == REFUSAL_NO_BACKEND || refusal == REFUSAL_BUSY;
    if (of_backend && session->record.backend != NULL) {
        (void)snprintf(sentence, sizeof sentence, "backend %s: %s", session->record.backend,
                       detail); /* a long one is cut */
        detail = sentence;
    }
    session_note_incident(session, INCIDENT_REFUSAL, refusal_word(refusal), detail);
}

/* Nothing may be larger than the client takes (MQTT-3.1.2-24), for a Reason String least of all
 * (MQTT5-3.2.2-19). */
static void encode_refusal(const struct session *session, struct bytes_writer *out,
                           enum refusal refusal, const char *detail)
{
    const struct bytes_writer empty = *out;
    unsigned version = session->record.mqtt_version;
    refusal_encode(out, refusal, version, detail, session->problem_information);
    if (out->length <= session->largest_packet) return;
    *out = empty;
    refusal_encode(out, refusal, version, detail, false);
    if (out->length > session->largest_packet) *out = empty;
}

enum alive session_refuse(struct session *session, enum refusal refusal, const char *detail)
{
    uint8_t packet[REFUSAL_LARGEST_PACKET];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    if (detail[0] == '\0') detail = refusal_sentence(refusal);
    encode_refusal(session, &out, refusal, detail);
    session->record.reason = refusal_word(refusal);
    session_note_refused(session, refusal);
    access_log_refused(&session->record, detail);
    counter_add(&session->relay.counters->refusals[refusal], 1);
    note_refused_incident(session, refusal, detail);
    session_note_refusal(session, refusal);
    if (!tls_stream_write(session->relay.tls, &session->loop->tls,
                          (struct span){packet, out.length}))
        return session_end(session, "client_reset");
    return session_close_gently(session);
}

enum alive session_say_goodbye(struct session *session, const struct mqtt_disconnect *disconnect,
                               const char *reason)
{
    uint8_t packet[SESSION_LARGEST_DISCONNECT];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    session->record.reason = reason;
    if (session->stage == RELAYING && session->record.mqtt_version == MQTT_5 &&
        !session->relay.backend_ended && packets_at_boundary(&session->relay.from_backend) &&
        !packets_end_with_disconnect(&session->relay.from_backend)) {
        mqtt_disconnect_encode(&out, MQTT_5, disconnect);
        if (!relay_to_client(&session->relay, (struct span){packet, out.length}))
            return session_end(session, reason);
    }
    return session_close_gently(session);
}

enum alive session_disconnect(struct session *session, uint8_t code, const char *reason)
{
    return session_say_goodbye(session, &(struct mqtt_disconnect){.reason = code}, reason);
}

enum alive session_half_close(struct session *session, const char *reason)
{
    if (session->relay.client_ended && session->relay.backend_ended)
        return session_end(session, reason);
    keep_reason(session, reason);
    if (session->stage != HALF_CLOSED) session_enter(session, HALF_CLOSED);
    session_set_deadline(session, HALF_CLOSE_TIMEOUT_MS);
    return ALIVE;
}
