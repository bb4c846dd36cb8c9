// SPDX-License-Identifier: GPL-3.0-or-later
/* A client that was admitted is judged again when what it was judged by has changed. */
#include <string.h>

#include "base/clock.h"
#include "proxy/backend/slots.h"
#include "proxy/session_private.h"
#include "proxy/tls/trust.h"

enum { STEP_MS = 10 /* between two sessions that end, when they are not too many for that */ };

/* --------------------------------------------------------------------------- a newer generation */

/* The server of the same backend and address in another generation, or false. */
static bool find_server(const struct session *session, const struct snapshot *snapshot,
                        struct pool **pool, int *server)
{
    int index = session->record.server_index;
    for (size_t i = 0; i < snapshot->config->backends_count; i++) {
        *pool = &snapshot->pools[i];
        if (strcmp((*pool)->config->name, session->record.backend) != 0) continue;
        for (*server = 0; (size_t)*server < (*pool)->count; (*server)++)
            if (strcmp(pool_server_name(*pool, *server), pool_server_name(session->pool, index)) ==
                0)
                return true;
    }
    return false;
}

/* False: it is not there, and who is on it stays there. */
static bool adopt_server(struct session *session, const struct snapshot *snapshot)
{
    struct pool *pool = NULL;
    int server = -1;
    if (session->pool == NULL) return true;
    if (!find_server(session, snapshot, &pool, &server)) return false;
    slots_carry_over(pool, server, session->pool, session->record.server_index);
    session->pool = pool;
    session->record.backend = pool->config->name;
    session->record.server_index = server;
    session->record.server = pool_server_name(pool, server);
    return true;
}

/* They are others when a listener was away for a generation. */
static void adopt_counters(struct session *session, struct listener_counters *counters)
{
    struct listener_counters *before = session->listener->counters;
    if (counters == before) return;
    atomic_fetch_sub_explicit(&before->connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->connections, 1, memory_order_relaxed);
    if (session->has_place) {
        atomic_fetch_sub_explicit(&before->places, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counters->places, 1, memory_order_relaxed);
    }
    session->relay.counters = counters->tally->of_worker[session->loop->number];
}

bool session_adopt(struct session *session, const struct config_rule *rule)
{
    struct snapshot *snapshot = session->list->snapshot;
    size_t listener = snapshot_find_listener(snapshot, session->record.listener);
    if (snapshot == session->snapshot) return true;
    if (listener == SIZE_MAX) return false;
    (void)snapshot_ref(snapshot);
    struct snapshot *home = session->other == NULL ? session->snapshot : session->other;
    struct snapshot *left = session->other == NULL ? NULL : session->snapshot;
    session->other = adopt_server(session, snapshot) ? NULL : home;
    if (session->listener->sources != snapshot->listeners[listener].sources)
        session_leave_source(session);
    adopt_counters(session, snapshot->listeners[listener].counters);
    session->listener = &snapshot->listeners[listener];
    session->record.listener = session->listener->config->name;
    session->record.rule = rule == NULL ? NULL : rule->name;
    session->snapshot = snapshot;
    snapshot_unref(left);
    if (session->other == NULL) snapshot_unref(home);
    return true;
}

/* ------------------------------------------------------------------------------------ judgement */

static enum refusal refusal_of(const struct tls_failure *failure)
{
    return strcmp(failure->reason, "certificate_revoked") == 0 ? REFUSAL_REVOKED
                                                               : REFUSAL_CERTIFICATE;
}

/* The listener of the newest generation that has it, and that generation. */
static const struct snapshot_listener *listener_of(const struct session *session,
                                                   const struct snapshot **snapshot)
{
    *snapshot = session->list->snapshot;
    size_t index = snapshot_find_listener(*snapshot, session->record.listener);
    if (index != SIZE_MAX) return &(*snapshot)->listeners[index];
    *snapshot = session->snapshot;
    return session->listener;
}

struct decision session_judge(const struct session *session)
{
    const struct snapshot *snapshot = NULL;
    const struct snapshot_listener *listener = listener_of(session, &snapshot);
    struct decision decision = {.backend = SIZE_MAX};
    struct tls_failure failure;
    const struct identity_certificate *certificate = session->record.certificate;
    if (certificate != NULL && listener->trust != NULL &&
        !tls_trust_recheck(listener->trust, certificate, &failure)) {
        decision.refusal = refusal_of(&failure);
        (void)snprintf(decision.detail, sizeof decision.detail, "%s", failure.sentence);
        return decision;
    }
    struct facts facts = session_facts(session);
    size_t policy = listener->config->policy;
    return policy_decide(policy == SIZE_MAX ? NULL : snapshot->policies[policy], &facts,
                         time(NULL));
}

static const struct config_policy *policy_of(const struct session *session)
{
    const struct snapshot *snapshot = NULL;
    size_t policy = listener_of(session, &snapshot)->config->policy;
    return policy == SIZE_MAX ? NULL : &snapshot->config->policies[policy];
}

static void condemn(struct session *session, const struct decision *decision)
{
    access_log_condemned(&session->record, refusal_word(decision->refusal), decision->detail);
    session_note_incident(session, INCIDENT_ENDED, refusal_word(decision->refusal),
                          decision->detail);
    session->verdict = decision->refusal;
    session->verdict_due_ms = UINT64_MAX; /* until all have been judged */
    session->list->condemned++;
}

static enum alive go_on(struct session *session, const struct config_rule *rule)
{
    if (!session_adopt(session, rule) || session_guard_anew(session, rule)) return ALIVE;
    return session_disconnect(session, MQTT_REASON_NOT_AUTHORIZED, "policy_changed");
}

/* Whose listener is gone stays with its own generation also while it waits. */
static void wait_by_newest(struct session *session, size_t backend)
{
    const struct snapshot *snapshot = NULL;
    const struct snapshot_listener *listener = listener_of(session, &snapshot);
    if (snapshot != session->list->snapshot) return;
    session_wait_anew(session, backend == SIZE_MAX ? listener->config->backend : backend);
}

static void judge_again(struct session *session)
{
    const struct config_policy *policy = policy_of(session);
    if (policy != NULL && !policy->recheck) return;
    struct decision decision = session_judge(session);
    if (decision.admitted) {
        session->verdict = REFUSAL_NONE;
        if (session->stage == RELAYING)
            (void)go_on(session, decision.rule); /* nothing follows here either */
        else if (session->stage == DIALLING)
            wait_by_newest(session, decision.backend);
    } else if (session->stage == RELAYING) {
        condemn(session, &decision);
    } else {
        (void)session_refuse(session, decision.refusal, decision.detail); /* nothing follows */
    }
}

enum alive session_catch_up(struct session *session)
{
    if (session->snapshot == session->list->snapshot) return ALIVE;
    const struct config_policy *policy = policy_of(session);
    if (policy != NULL && !policy->recheck) return ALIVE;
    struct decision decision = session_judge(session);
    if (!decision.admitted) return ALIVE; /* a judgement of all is under way, and comes to it */
    return go_on(session, decision.rule);
}

static uint64_t spread_of(const struct session *session)
{
    enum { USUAL_SPREAD_MS = 10000 };
    const struct config_policy *policy = policy_of(session);
    return policy == NULL ? USUAL_SPREAD_MS : policy->recheck_spread_ms;
}

/* All of them within the spread, and as long as they are few, almost at once. */
static void schedule(struct session_list *list)
{
    uint64_t number = 0;
    for (struct session *session = list->first; session != NULL; session = session->next) {
        if (session->verdict == REFUSAL_NONE || session->verdict_due_ms != UINT64_MAX) continue;
        uint64_t spread_ms = spread_of(session);
        uint64_t step_ms = spread_ms / list->condemned < STEP_MS ? 0 : STEP_MS;
        uint64_t delay_ms = step_ms == 0 ? spread_ms * number / list->condemned : step_ms * number;
        session->verdict_due_ms = session->loop->deadlines.now_ms + delay_ms;
        session_set_lifetime(session);
        number++;
    }
}

/* Who waits for a server has come over to this generation, where there may be room. */
static void serve_queues(const struct session_list *list)
{
    const struct snapshot *snapshot = list->snapshot;
    for (size_t i = 0; i < snapshot->config->backends_count; i++)
        slots_serve(&snapshot->pools[i], clock_monotonic_ms());
}

void session_list_recheck(struct session_list *list)
{
    list->to_judge = list->first;
    list->condemned = 0;
}

bool session_list_judge(struct session_list *list, size_t most)
{
    for (size_t i = 0; i < most && list->to_judge != NULL; i++) {
        struct session *session = list->to_judge;
        list->to_judge = session->next;
        if (session->stage == DIALLING || session->stage == AWAIT_CONNACK ||
            session->stage == RELAYING)
            judge_again(session);
    }
    if (list->to_judge != NULL) return true;
    serve_queues(list);
    if (list->condemned > 0) schedule(list);
    list->condemned = 0;
    return false;
}
