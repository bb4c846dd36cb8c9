// SPDX-License-Identifier: GPL-3.0-or-later
/* The CONNECT decoder: what it takes is written again and means the same. */
#include <stdlib.h>

#include "base/attributes.h"
#include "mqtt/connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct mqtt_connect connect;
    struct mqtt_connect again;
    enum mqtt_version version = 0;
    size_t whole = 0;
    enum mqtt_status peeked = mqtt_connect_peek(data, length, 65536, &whole, &version);
    if (mqtt_connect_decode(&connect, data, length) != MQTT_OK) return 0;
    CHECK(length > 65536 || (peeked == MQTT_OK && whole == length && version == connect.version));
    uint8_t *copy = malloc(length);
    struct bytes_writer out = bytes_writer_of(copy, length);
    mqtt_connect_encode(&out, &connect);
    CHECK(bytes_writer_ok(&out) && mqtt_connect_decode(&again, copy, out.length) == MQTT_OK);
    CHECK(span_equal(again.client_id, connect.client_id) && again.version == connect.version);
    CHECK(span_equal(again.will.payload, connect.will.payload));
    free(copy);
    return 0;
}
