// SPDX-License-Identifier: GPL-3.0-or-later
/* What is remembered of a visit for those who ask: in the inventory, when a client is admitted or
 * refused and when it goes; among the incidents, why it was not served. */
#include "proxy/session_private.h"

static struct inventory_visit visit_of(const struct session *session)
{
    const struct access_record *record = &session->record;
    const struct identity_certificate *certificate = record->certificate;
    struct inventory_visit visit = {.listener = record->listener,
                                    .client_id = record->client_id,
                                    .tls_version = record->tls.version,
                                    .cipher = record->tls.cipher,
                                    .group = record->tls.group,
                                    .mqtt_version = record->mqtt_version,
                                    .now = time(NULL)};
    if (certificate != NULL) {
        visit.common_name = certificate->common_name;
        visit.key = certificate->key;
        visit.key_bits = certificate->key_bits;
        visit.certificate_not_after = certificate->not_after;
    }
    return visit;
}

void session_note_admitted(struct session *session)
{
    if (session->list->inventory == NULL) return;
    struct inventory_visit visit = visit_of(session);
    inventory_admitted(session->list->inventory, &visit);
    session->in_inventory = true;
}

void session_note_refused(struct session *session, enum refusal refusal)
{
    if (session->list->inventory == NULL) return;
    if (session->record.client_id == NULL) return; /* nobody knows who that was */
    struct inventory_visit visit = visit_of(session);
    inventory_refused(session->list->inventory, &visit, refusal_word(refusal));
}

void session_note_left(struct session *session)
{
    if (!session->in_inventory) return;
    inventory_left(session->list->inventory, session->record.listener, session->record.client_id,
                   time(NULL));
}

void session_note_incident(const struct session *session, enum incident_kind kind,
                           const char *reason, const char *sentence)
{
    const struct access_record *record = &session->record;
    char source[ACCESS_SOURCE_ROOM];
    if (session->list->incidents == NULL) return;
    incidents_note(session->list->incidents, kind, reason, record->listener,
                   access_source_text(&record->source, source), record->client_id, sentence);
}
