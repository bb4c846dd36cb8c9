// SPDX-License-Identifier: GPL-3.0-or-later
/* CONNECT (MQTT 3.1, 3.1; 3.1.1, 3.1; 5, 3.1), read strictly: every rule that a server must keep.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

/* All spans lend from the packet that was decoded. */
struct mqtt_connect {
    enum mqtt_version version;
    /* MQTT 3.1.1's bridges set the highest bit of the level (0x83, 0x84) to say that they are. */
    bool bridge;
    bool clean_start; /* clean session before MQTT 5 */
    uint16_t keep_alive_s;
    struct span client_id;
    bool has_username;
    bool has_password;
    struct span username;
    struct span password;
    struct {
        bool present;
        uint8_t qos;
        bool retain;
        struct span topic;
        struct span payload;
        struct span properties; /* MQTT 5, without their length, checked */
        uint32_t delay_interval_s;
        bool payload_is_utf8;
    } will;
    /* MQTT 5; with the specification's default where the client said nothing. */
    struct span properties; /* as on the wire, without their length, checked */
    uint32_t session_expiry_interval_s;
    uint16_t receive_maximum;
    uint32_t maximum_packet_size; /* 0: no limit was asked for */
    uint16_t topic_alias_maximum;
    bool request_response_information;
    bool request_problem_information;
    struct span authentication_method; /* length 0: none */
    struct span authentication_data;
};

/* Decodes a whole CONNECT, fixed header included, of `length` bytes; borrows them. When the status
 * is not MQTT_OK, `out->version` is set if the level could be read (0 otherwise), so that a refusal
 * can speak the client's version; `request_problem_information` is then true. An empty client id is
 * MQTT_CLIENT_ID_INVALID with 3.1 always, with 3.1.1 when clean session is off (MQTT-3.1.3-8).
 * A client id of more than 23 bytes is accepted in 3.1, as every broker does. */
MUST_USE enum mqtt_status mqtt_connect_decode(struct mqtt_connect *out, const uint8_t *packet,
                                              size_t length);
/* Says from the first bytes of a stream whether it can still be a CONNECT that is acceptable, so
 * that garbage and absurd lengths are refused before they are waited for: MQTT_NEED_MORE, MQTT_OK
 * (`*packet_length` bytes are the whole packet, and they are there), MQTT_PROTOCOL_ERROR (another
 * packet type), MQTT_MALFORMED, MQTT_TOO_LARGE (longer than `largest` bytes). With MQTT_TOO_LARGE
 * `*version` tells the protocol level if those bytes are there, 0 otherwise. */
MUST_USE enum mqtt_status mqtt_connect_peek(const uint8_t *data, size_t length, size_t largest,
                                            size_t *packet_length, enum mqtt_version *version);
/* Writes a CONNECT (for probes, tests and the load generator). Properties are written as given. */
void mqtt_connect_encode(struct bytes_writer *out, const struct mqtt_connect *connect);
