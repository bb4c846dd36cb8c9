// SPDX-License-Identifier: GPL-3.0-or-later
/* Properties of MQTT 5 (2.2.2): one table says of each its type and where it may stand. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/packet.h"

enum mqtt_property_id {
    MQTT_PROPERTY_PAYLOAD_FORMAT_INDICATOR = 0x01,
    MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL = 0x02,
    MQTT_PROPERTY_CONTENT_TYPE = 0x03,
    MQTT_PROPERTY_RESPONSE_TOPIC = 0x08,
    MQTT_PROPERTY_CORRELATION_DATA = 0x09,
    MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER = 0x0b,
    MQTT_PROPERTY_SESSION_EXPIRY_INTERVAL = 0x11,
    MQTT_PROPERTY_ASSIGNED_CLIENT_IDENTIFIER = 0x12,
    MQTT_PROPERTY_SERVER_KEEP_ALIVE = 0x13,
    MQTT_PROPERTY_AUTHENTICATION_METHOD = 0x15,
    MQTT_PROPERTY_AUTHENTICATION_DATA = 0x16,
    MQTT_PROPERTY_REQUEST_PROBLEM_INFORMATION = 0x17,
    MQTT_PROPERTY_WILL_DELAY_INTERVAL = 0x18,
    MQTT_PROPERTY_REQUEST_RESPONSE_INFORMATION = 0x19,
    MQTT_PROPERTY_RESPONSE_INFORMATION = 0x1a,
    MQTT_PROPERTY_SERVER_REFERENCE = 0x1c,
    MQTT_PROPERTY_REASON_STRING = 0x1f,
    MQTT_PROPERTY_RECEIVE_MAXIMUM = 0x21,
    MQTT_PROPERTY_TOPIC_ALIAS_MAXIMUM = 0x22,
    MQTT_PROPERTY_TOPIC_ALIAS = 0x23,
    MQTT_PROPERTY_MAXIMUM_QOS = 0x24,
    MQTT_PROPERTY_RETAIN_AVAILABLE = 0x25,
    MQTT_PROPERTY_USER_PROPERTY = 0x26,
    MQTT_PROPERTY_MAXIMUM_PACKET_SIZE = 0x27,
    MQTT_PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28,
    MQTT_PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29,
    MQTT_PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE = 0x2a
};

/* A place for properties: 1 << enum mqtt_type, or the will's. */
#define MQTT_IN(type) (1U << (type))
enum { MQTT_IN_WILL = 1 };

struct mqtt_property {
    enum mqtt_property_id id;
    uint32_t number;   /* of the numeric types */
    struct span text;  /* of strings and binary data; the name of a user property */
    struct span value; /* of a user property */
    struct span whole; /* as on the wire, identifier included */
};

/* Reads the next property at `in`, which covers a block of them without its length. False: none is
 * left (bytes_ok), or it cannot be read (the cursor has failed). Checks no place. */
MUST_USE bool mqtt_property_next(struct bytes *in, struct mqtt_property *out);
/* Reads a block with its length before it and checks it for `place`: only properties that may stand
 * there, each once but user properties (and subscription identifiers in a PUBLISH that a server
 * sends), values in their range. `*block` is then safe to walk. */
MUST_USE enum mqtt_status mqtt_properties_decode(struct bytes *in, unsigned place,
                                                 struct span *block);
