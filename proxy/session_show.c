// SPDX-License-Identifier: GPL-3.0-or-later
/* Who is connected, for those who ask. */
#include <string.h>

#include "base/clock.h"
#include "base/json_put.h"
#include "mqtt/version.h"
#include "proxy/session_private.h"

static const char *const stage_names[] = {
    [ACCEPTED] = "accepted",
    [AWAIT_PROXY_HEADER] = "proxy_header",
    [AWAIT_CLIENT_HELLO] = "client_hello",
    [HANDSHAKING] = "handshake",
    [AWAIT_CONNECT] = "connect",
    [DIALLING] = "dialling",
    [AWAIT_CONNACK] = "connack",
    [RELAYING] = "relaying",
    [HALF_CLOSED] = "half_closed",
    [CLOSING] = "closing",
};

static bool has(const char *text, const char *part)
{
    return text != NULL && strcasestr(text, part) != NULL;
}

static bool matches(const struct session *session, const struct session_query *query)
{
    const struct access_record *record = &session->record;
    const struct identity_certificate *certificate = record->certificate;
    char source[ACCESS_SOURCE_ROOM];
    if (query->listener != NULL && strcmp(record->listener, query->listener) != 0) return false;
    if (query->filter == NULL || query->filter[0] == '\0') return true;
    return has(record->client_id, query->filter) || has(record->username, query->filter) ||
           has(record->server_name, query->filter) || has(record->rule, query->filter) ||
           has(record->server, query->filter) ||
           (certificate != NULL && has(certificate->subject, query->filter)) ||
           has(access_source_text(&record->source, source), query->filter);
}

static void describe_tls(json_t *item, const struct access_record *record)
{
    const struct tls_facts *tls = &record->tls;
    const struct identity_certificate *certificate = record->certificate;
    bool done = tls->version != 0;
    json_put_text(item, "tls", !done ? NULL : tls->version == IDENTITY_TLS_1_3 ? "1.3" : "1.2");
    json_put_text(item, "cipher", done ? tls->cipher : NULL);
    json_put_text(item, "group", done ? tls->group : NULL);
    json_put_bool(item, "resumed", done && tls->resumed);
    json_put_text(item, "certificate_subject", certificate == NULL ? NULL : certificate->subject);
    json_put_text(item, "certificate_fingerprint",
                  certificate == NULL ? NULL : certificate->fingerprint_sha256);
    json_put_time(item, "certificate_not_after", certificate == NULL ? 0 : certificate->not_after);
}

/* The names are those of the access line. */
static json_t *describe(const struct session *session)
{
    const struct access_record *record = &session->record;
    const struct relay *relay = &session->relay;
    char source[ACCESS_SOURCE_ROOM];
    json_t *item = json_object();
    json_put_text(item, "listener", record->listener);
    json_put_text(item, "state", stage_names[session->stage]);
    json_put_text(item, "source", access_source_text(&record->source, source));
    json_put_text(item, "server_name", record->server_name);
    json_put_text(item, "client_id", record->client_id);
    json_put_text(item, "username", record->username);
    json_put_text(item, "mqtt", mqtt_version_name(record->mqtt_version));
    describe_tls(item, record);
    json_put_text(item, "rule", record->rule);
    json_put_text(item, "backend", record->backend);
    json_put_text(item, "server", record->server);
    json_put_number(item, "bytes_in", relay->bytes_from_client);
    json_put_number(item, "bytes_out", relay->bytes_from_backend);
    json_put_number(item, "packets_in", relay->from_client.count);
    json_put_number(item, "packets_out", relay->from_backend.count);
    json_put_number(item, "duration_ms", clock_monotonic_ms() - record->started_ms);
    return item;
}

void session_list_show(struct session_list *list, struct session_listing *listing)
{
    listing->next = list->first;
    list->listing = listing;
}

bool session_list_look(struct session_list *list, size_t most)
{
    struct session_listing *listing = list->listing;
    for (size_t i = 0; i < most && listing->next != NULL; i++) {
        const struct session *session = listing->next;
        listing->next = session->next;
        if (!matches(session, &listing->query)) continue;
        size_t number = listing->matched++;
        if (number < listing->query.skip || json_array_size(listing->items) >= listing->query.most)
            continue;
        (void)json_array_append_new(listing->items, describe(session)); /* takes it in any case */
    }
    if (listing->next != NULL) return true;
    list->listing = NULL;
    return false;
}
