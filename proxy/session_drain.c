// SPDX-License-Identifier: GPL-3.0-or-later
/* How clients leave when the process does: told one after the other, each where a packet ends. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "mqtt/frame.h"
#include "mqtt/properties.h"
#include "proxy/session_private.h"

/* ------------------------------------------------------------------------------------ the goodbye
 */

/* Of a DISCONNECT with a Server Reference of `reference` bytes, of which the schema allows fewer
 * than there is room for. */
static size_t packet_length(size_t reference)
{
    uint32_t properties = (uint32_t)reference + 3;
    uint32_t remaining = 1 + (uint32_t)mqtt_varint_length(properties) + properties;
    return 1 + mqtt_varint_length(remaining) + remaining;
}

/* A client that cannot take the packet with the reference gets the one without (MQTT5-3.1.2-24). */
static enum alive say_goodbye(struct session *session)
{
    uint8_t properties[SESSION_LARGEST_DISCONNECT];
    struct bytes_writer out = bytes_writer_of(properties, sizeof properties);
    struct mqtt_disconnect disconnect = {.reason = MQTT_REASON_SERVER_SHUTTING_DOWN};
    const char *reference = session->list->snapshot->config->drain.server_reference;
    size_t length = strlen(reference);
    if (length > 0 && packet_length(length) <= session->largest_packet) {
        bytes_put_u8(&out, MQTT_PROPERTY_SERVER_REFERENCE);
        bytes_put_u16(&out, (uint16_t)length);
        bytes_put(&out, reference, length);
        disconnect.reason = MQTT_REASON_USE_ANOTHER_SERVER;
        disconnect.properties = (struct span){properties, out.length};
    }
    return session_say_goodbye(session, &disconnect, "draining");
}

enum alive session_let_go(struct session *session)
{
    const struct packets *packets = &session->relay.from_backend;
    if (packets_at_boundary(packets) || packets->lost || session->relay.backend_ended)
        return say_goodbye(session);
    timer_clear(&session->deadline); /* the drain has an end */
    session_await_boundary(session);
    return ALIVE;
}

/* ------------------------------------------------------------------------------------ the order */

static void shuffle(struct session **sessions, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        size_t other = hash_keyed(&left, sizeof left) % left;
        struct session *moved = sessions[left - 1];
        sessions[left - 1] = sessions[other];
        sessions[other] = moved;
    }
}

/* The time of one of `count`, the last of which leaves just before the end of the spread. */
static void schedule(struct session *session, size_t rank, size_t count, uint64_t spread_ms)
{
    uint64_t due_ms = session->loop->deadlines.now_ms + spread_ms * rank / count;
    if (session->verdict != REFUSAL_NONE && session->verdict_due_ms <= due_ms) return;
    session->verdict = REFUSAL_DRAINING;
    session->verdict_due_ms = due_ms;
    session_set_lifetime(session);
}

/* Without memory for a random order, the one in which they came will do. */
static void schedule_all(struct session_list *list, size_t count, uint64_t spread_ms)
{
    size_t at = 0;
    struct session **sessions = calloc(count, sizeof(struct session *));
    for (struct session *session = list->first; session != NULL; session = session->next) {
        if (session->stage != RELAYING) continue;
        if (sessions == NULL)
            schedule(session, at, count, spread_ms);
        else
            sessions[at] = session;
        at++;
    }
    if (sessions == NULL) return;
    hash_init();
    shuffle(sessions, count);
    for (size_t rank = 0; rank < count; rank++)
        schedule(sessions[rank], rank, count, spread_ms);
    free(sessions);
}

void session_list_drain(struct session_list *list, uint64_t spread_ms, uint64_t timeout_ms)
{
    struct session *next = NULL;
    size_t established = 0;
    if (list->draining) return;
    list->draining = true;
    list->drain_spread_ms = spread_ms < timeout_ms ? spread_ms : timeout_ms;
    list->to_judge = NULL; /* all of them leave now */
    for (struct session *session = list->first; session != NULL; session = next) {
        next = session->next;
        list->drain_ends_ms = session->loop->deadlines.now_ms + timeout_ms;
        bool waits = session->stage == DIALLING || session->stage == AWAIT_CONNACK;
        if (waits && !list->admits)
            (void)session_refuse(session, REFUSAL_DRAINING, ""); /* nothing follows */
        else if (session->stage == RELAYING)
            established++;
    }
    if (established > 0) schedule_all(list, established, list->drain_spread_ms);
}

void session_leave_some_time(struct session *session)
{
    enum { PLACES = 1024 };
    const uintptr_t number = (uintptr_t)session;
    schedule(session, hash_keyed(&number, sizeof number) % PLACES, PLACES,
             session->list->drain_spread_ms);
}

/* ------------------------------------------------------------------------------------ the end */

void session_list_end(struct session_list *list)
{
    struct session *next = NULL;
    for (struct session *session = list->first; session != NULL; session = next) {
        next = session->next;
        if (session->stage == RELAYING)
            (void)say_goodbye(session);
        else if (session->stage != CLOSING)
            (void)session_end(session, "draining");
    }
}

void session_list_cut(struct session_list *list)
{
    session_list_end(list);
    struct session *next = NULL;
    for (struct session *session = list->first; session != NULL; session = next) {
        next = session->next;
        (void)session_end(session, "draining");
    }
}
