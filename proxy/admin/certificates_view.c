// SPDX-License-Identifier: GPL-3.0-or-later
#include <string.h>

#include "base/json_put.h"
#include "proxy/admin/views.h"

enum { DAY_S = 24 * 3600 };

/* Rounded down, so that what has less than a day left has 0 and what is over has less. */
static void put_days(json_t *object, time_t until, time_t now)
{
    time_t left = until - now;
    json_put(object, "days_left",
             until == 0 ? json_null() : json_integer((left < 0 ? left - DAY_S + 1 : left) / DAY_S));
}

static json_t *names_of(const struct certificate *certificate)
{
    const struct certificate_names *const lists[] = {&certificate->san_dns, &certificate->san_ip,
                                                     &certificate->san_uri,
                                                     &certificate->san_email};
    json_t *names = json_array();
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
        for (size_t j = 0; j < lists[i]->count; j++)
            (void)json_array_append_new(names, json_string(lists[i]->items[j])); /* takes it */
    return names;
}

static json_t *certificate_of(const struct certificate *certificate, time_t now)
{
    json_t *object = json_object();
    json_put_text(object, "subject", certificate->subject);
    json_put_text(object, "issuer", certificate->issuer);
    json_put_text(object, "serial", certificate->serial);
    json_put(object, "names", names_of(certificate));
    json_put_time(object, "not_before", certificate->not_before);
    json_put_time(object, "not_after", certificate->not_after);
    put_days(object, certificate->not_after, now);
    json_put_text(object, "key", certificate->key_name);
    json_put_number(object, "key_bits", certificate->key_bits);
    json_put_text(object, "signature_algorithm", certificate->signature_algorithm);
    json_put_text(object, "fingerprint_sha256", certificate->fingerprint_sha256);
    return object;
}

static json_t *file_of(const struct credential_file *file, size_t from, time_t now)
{
    json_t *list = json_array();
    for (size_t i = from; i < file->count; i++)
        (void)json_array_append_new(list, certificate_of(&file->items[i], now)); /* takes it */
    return list;
}

/* What is stapled by the first worker; they all have the same. */
static json_t *staple_of(const struct snapshot_listener *listener, size_t index, time_t now)
{
    const char *setting = listener->config->tls.ocsp_stapling;
    struct staple *staple = &listener->tls[0]->items[index].staple;
    json_t *object = json_object();
    time_t until = 0;
    bool there = staple_is_there(staple, &until);
    bool off = strcmp(setting, "off") == 0;
    json_put_text(object, "setting", off || strcmp(setting, "auto") == 0 ? setting : "file");
    json_put_text(object, "state",
                  off                          ? "off"
                  : !there                     ? "none"
                  : until != 0 && until <= now ? "outdated"
                                               : "good");
    json_put_time(object, "until", until);
    return object;
}

static json_t *served_of(const struct snapshot_listener *listener, size_t index, time_t now)
{
    const struct credential_file *file = &listener->credentials->chains[index];
    json_t *object = file->count > 0 ? certificate_of(&file->items[0], now) : json_object();
    json_put_text(object, "file", file->path);
    json_put(object, "chain", file_of(file, 1, now));
    json_put(object, "ocsp_staple", staple_of(listener, index, now));
    return object;
}

static json_t *crls_of(const struct credentials *credentials, time_t now)
{
    json_t *list = json_array();
    for (size_t i = 0; i < credentials->crls_count; i++) {
        const struct credential_crl *crl = &credentials->crls[i];
        json_t *object = json_object();
        json_put_text(object, "file", crl->path);
        json_put_text(object, "issuer", crl->issuer);
        json_put_time(object, "this_update", crl->this_update);
        json_put_time(object, "next_update", crl->next_update);
        put_days(object, crl->next_update, now);
        json_put_number(object, "revoked", crl->revoked);
        (void)json_array_append_new(list, object); /* takes it in any case */
    }
    return list;
}

static json_t *listener_of(const struct snapshot_listener *listener, time_t now)
{
    const struct credentials *credentials = listener->credentials;
    json_t *object = json_object();
    json_t *certificates = json_array();
    for (size_t i = 0; i < credentials->chains_count; i++)
        (void)json_array_append_new(certificates, served_of(listener, i, now)); /* takes it */
    json_put_text(object, "listener", listener->config->name);
    json_put(object, "certificates", certificates);
    json_put_text(object, "client_ca_file", credentials->authorities.path);
    json_put(object, "client_cas", file_of(&credentials->authorities, 0, now));
    json_put(object, "crls", crls_of(credentials, now));
    return object;
}

char *certificates_view(struct board *board, size_t *length)
{
    struct snapshot *snapshot = board_snapshot(board);
    time_t now = time(NULL);
    json_t *view = json_object();
    json_t *listeners = json_array();
    for (size_t i = 0; i < snapshot->config->listeners_count; i++)
        (void)json_array_append_new(listeners, listener_of(&snapshot->listeners[i], now));
    snapshot_unref(snapshot);
    json_put(view, "listeners", listeners);
    return json_finish(view, length);
}
