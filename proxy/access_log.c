// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/access_log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "mqtt/version.h"
#include "proxy/proxy_protocol/header.h"

struct access_source access_source_of(const struct sockaddr *peer)
{
    struct proxy_address from;
    (void)proxy_address_of(&from, peer); /* zero where there is none */
    return (struct access_source){
        .address = from.address, .port = from.port, .is_unix = peer->sa_family == AF_UNIX};
}

void access_record_init(struct access_record *record, const char *listener,
                        const struct access_source *source, uint64_t now_ms)
{
    *record = (struct access_record){.listener = listener,
                                     .source = *source,
                                     .started_ms = now_ms,
                                     .server_index = -1,
                                     .connack = -1};
}

void access_record_clear(struct access_record *record)
{
    free(record->server_name);
    free(record->client_id);
    free(record->username);
    free(record->certificate);
}

const char *access_source_text(const struct access_source *source,
                               char out[static ACCESS_SOURCE_ROOM])
{
    char host[INET6_ADDRSTRLEN] = "";
    if (source->is_unix) return "unix";
    if (IN6_IS_ADDR_V4MAPPED(&source->address)) {
        (void)inet_ntop(AF_INET, source->address.s6_addr + 12, host, sizeof host);
        (void)snprintf(out, ACCESS_SOURCE_ROOM, "%s:%u", host, source->port);
    } else {
        (void)inet_ntop(AF_INET6, &source->address, host, sizeof host);
        (void)snprintf(out, ACCESS_SOURCE_ROOM, "[%s]:%u", host, source->port);
    }
    return out;
}

static void log_source(struct log_line *line, const struct access_source *source)
{
    char text[ACCESS_SOURCE_ROOM];
    log_text(line, "source", access_source_text(source, text));
}

/* Who it is: the fields that every line about a client begins with. */
static void begin(struct log_line *line, enum log_level level, const char *message,
                  const struct access_record *record)
{
    log_begin(line, level, message);
    log_text(line, "listener", record->listener);
    log_source(line, &record->source);
    log_text(line, "server_name", record->server_name);
    log_text(line, "client_id", record->client_id);
    log_text(line, "username", record->username);
    log_text(line, "mqtt", mqtt_version_name(record->mqtt_version));
    if (record->tls.version != 0)
        log_text(line, "tls", record->tls.version == IDENTITY_TLS_1_3 ? "1.3" : "1.2");
}

static void log_certificate(struct log_line *line, const struct identity_certificate *certificate)
{
    if (certificate == NULL) return;
    log_text(line, "certificate_subject", certificate->subject);
    log_text(line, "certificate_fingerprint", certificate->fingerprint_sha256);
}

void access_log(const struct access_record *record, const struct relay *relay, uint64_t now_ms)
{
    struct log_line line;
    begin(&line, LOG_INFO, "session closed", record);
    if (!line.on) return;
    log_text(&line, "cipher", record->tls.cipher);
    log_text(&line, "group", record->tls.group);
    log_bool(&line, "resumed", record->tls.resumed);
    log_certificate(&line, record->certificate);
    log_text(&line, "rule", record->rule);
    log_text(&line, "backend", record->backend);
    log_text(&line, "server", record->server);
    if (record->connack >= 0) log_number(&line, "connack", record->connack);
    log_number(&line, "bytes_in", (int64_t)relay->bytes_from_client);
    log_number(&line, "bytes_out", (int64_t)relay->bytes_from_backend);
    log_number(&line, "packets_in", (int64_t)relay->from_client.count);
    log_number(&line, "packets_out", (int64_t)relay->from_backend.count);
    log_number(&line, "duration_ms", (int64_t)(now_ms - record->started_ms));
    log_text(&line, "reason", record->reason);
    log_end(&line);
}

void access_log_failed_handshake(const struct access_record *record, const char *reason,
                                 const char *sentence)
{
    struct log_line line;
    begin(&line, LOG_INFO, "handshake failed", record);
    log_text(&line, "reason", reason);
    log_text(&line, "error", sentence);
    log_end(&line);
}

void access_log_refused(const struct access_record *record, const char *detail)
{
    struct log_line line;
    begin(&line, LOG_WARN, "client refused", record);
    log_certificate(&line, record->certificate);
    log_text(&line, "rule", record->rule);
    log_text(&line, "reason", record->reason);
    log_text(&line, "error", detail);
    log_end(&line);
}

void access_log_condemned(const struct access_record *record, const char *reason,
                          const char *detail)
{
    struct log_line line;
    begin(&line, LOG_WARN, "session no longer admitted", record);
    log_certificate(&line, record->certificate);
    log_text(&line, "rule", record->rule);
    log_text(&line, "reason", reason);
    log_text(&line, "error", detail);
    log_end(&line);
}

void access_log_turned_away(const struct access_record *record, const char *reason)
{
    struct log_line line;
    begin(&line, LOG_DEBUG, "connection turned away", record);
    log_text(&line, "reason", reason);
    log_end(&line);
}

void access_log_blocked(const struct access_record *record, const struct config_penalty *penalty)
{
    struct log_line line;
    begin(&line, LOG_WARN, "source blocked", record);
    log_number(&line, "failures", (int64_t)penalty->failures);
    log_number(&line, "window_ms", (int64_t)penalty->window_ms);
    log_number(&line, "block_ms", (int64_t)penalty->block_ms);
    log_text(&line, "reason", "penalty");
    log_end(&line);
}

void access_log_backend(const struct access_record *record, const char *message, const char *server,
                        const char *why)
{
    struct log_line line;
    begin(&line, LOG_ERROR, message, record);
    log_text(&line, "backend", record->backend);
    log_text(&line, "server", server);
    log_text(&line, "error", why);
    log_end(&line);
}
