// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/refusal.h"

#include <string.h>

#include "base/attributes.h"
#include "base/text.h"
#include "mqtt/connack.h"
#include "mqtt/packet.h"

enum { CLOSE = 0, REASON_ROOM = 400 };

/* One row per refusal: MQTT 3.1.1, 3.2.2.3 and MQTT 5, 3.2.2.2; CLOSE: no CONNACK is sent. */
// clang-format off
static const struct row {
    const char *word;
    const char *sentence;
    uint8_t return_code;
    uint8_t reason_code;
} rows[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = {"none", "not refused", CLOSE, CLOSE},
    [REFUSAL_TLS_VERSION] = {"tls_version", "a newer version of TLS is required", 5, 0x87},
    [REFUSAL_CERTIFICATE_MISSING] = {"certificate_missing", "a client certificate is required", 5,
     0x87},
    [REFUSAL_COMMON_NAME] = {"common_name", "the client certificate's common name is not allowed",
     5, 0x87},
    [REFUSAL_CERTIFICATE] = {"certificate", "the client certificate is not allowed", 5, 0x87},
    [REFUSAL_CLIENT_ID] = {"client_id", "the client certificate may not use this client id", 2,
     0x85},
    [REFUSAL_USERNAME] = {"username", "the client certificate may not use this username", 4, 0x86},
    [REFUSAL_NO_RULE] = {"no_rule", "no rule of the policy admits this client", 5, 0x87},
    [REFUSAL_CONNECT_FIELDS] = {"connect_fields", "the broker cannot be told who this client is",
     5, 0x87},
    [REFUSAL_WILL_TOPIC] = {"will_topic", "the client may not publish to the topic of its will", 5,
     0x87},
    [REFUSAL_REVOKED] = {"revoked", "the client certificate has been revoked", 5, 0x87},
    [REFUSAL_CERTIFICATE_EXPIRED] = {"certificate_expired", "the client certificate has expired", 5,
     0x87},
    [REFUSAL_VERSION_NOT_SPOKEN] = {"version_not_spoken", "this version of MQTT is not spoken here",
     1, 0x84},
    [REFUSAL_CLIENT_ID_INVALID] = {"client_id_invalid", "the client id is not valid", 2, 0x85},
    [REFUSAL_CONNECT_TOO_LARGE] = {"connect_too_large", "the CONNECT packet is too large", CLOSE,
     0x95},
    [REFUSAL_WILL_PAYLOAD] = {"will_payload", "the payload of the will is not UTF-8", CLOSE, 0x99},
    [REFUSAL_MALFORMED] = {"malformed", "the CONNECT packet is malformed", CLOSE, 0x81},
    [REFUSAL_PROTOCOL_ERROR] = {"protocol_error", "the first packet is no CONNECT", CLOSE, 0x82},
    [REFUSAL_NO_BACKEND] = {"no_backend", "no broker can be reached", 3, 0x88},
    [REFUSAL_TOO_MANY_CONNECTIONS] = {"too_many_connections", "the limit of connections is reached",
     3, 0x97},
    [REFUSAL_TOO_MANY_OF_SOURCE] = {"too_many_connections_of_source",
     "this address has as many connections as one may have", 3, 0x97},
    [REFUSAL_BUSY] = {"busy", "the server is busy", 3, 0x89},
    [REFUSAL_DRAINING] = {"draining", "the server is shutting down", 3, 0x8b},
};
// clang-format on

const char *refusal_word(enum refusal refusal)
{
    return rows[refusal].word;
}

const char *refusal_sentence(enum refusal refusal)
{
    return rows[refusal].sentence;
}

/* A client of a level that is not spoken reads what is likeliest its own form of CONNACK. */
static unsigned form_for(enum refusal refusal, unsigned version)
{
    if (refusal == REFUSAL_VERSION_NOT_SPOKEN) return version > MQTT_5 ? MQTT_5 : MQTT_3_1_1;
    return version;
}

void refusal_encode(struct bytes_writer *out, enum refusal refusal, unsigned version,
                    const char *detail, bool problem_information)
{
    char reason[REASON_ROOM];
    struct span told = {(const uint8_t *)reason, 0};
    const struct row *row = &rows[refusal];
    unsigned form = form_for(refusal, version);
    if (form < MQTT_3_1 || form > MQTT_5) return;
    uint8_t code = form == MQTT_5 ? row->reason_code : row->return_code;
    if (code == CLOSE) return;
    if (form == MQTT_5 && problem_information) {
        if (detail == NULL || detail[0] == '\0') detail = row->sentence;
        told.length = text_printable(reason, sizeof reason, detail); /* MQTT 5, 1.5.4 */
    }
    mqtt_connack_encode_refusal(out, (enum mqtt_version)form, code, told);
}
