// SPDX-License-Identifier: GPL-3.0-or-later
/* What MQTT 3.1, 3.1.1 and 5 say about control packets, as names and numbers. */
#pragma once

#include <stdint.h>

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
    MQTT_AUTH
};

/* The protocol level on the wire. */
enum mqtt_version { MQTT_3_1 = 3, MQTT_3_1_1 = 4, MQTT_5 = 5 };

/* How a decoder ended. */
enum mqtt_status {
    MQTT_OK,
    MQTT_NEED_MORE,
    MQTT_MALFORMED,          /* MQTT 5: 0x81 */
    MQTT_PROTOCOL_ERROR,     /* MQTT 5: 0x82 */
    MQTT_VERSION_NOT_SPOKEN, /* a protocol level other than those above */
    MQTT_CLIENT_ID_INVALID,  /* empty where it may not be */
    MQTT_TOPIC_ALIAS_ZERO,   /* MQTT 5: 0x94 */
    MQTT_PAYLOAD_NO_TEXT,    /* MQTT 5: 0x99, it is not the UTF-8 that it was said to be */
    MQTT_TOO_LARGE           /* longer than the caller's limit */
};

enum { MQTT_LARGEST_REMAINING_LENGTH = 268435455, MQTT_LARGEST_FIXED_HEADER = 5 };
