// SPDX-License-Identifier: GPL-3.0-or-later
/* The CONNECT rewriter: whatever it is given, what it writes is a CONNECT that says what it was
 * told to, and what was not changed stays. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "mqtt/connect_rewrite.h"
#include "mqtt/properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void check_properties(struct span block)
{
    struct mqtt_property property;
    struct bytes walk = bytes_of(block.data, block.length);
    size_t ours = 0;
    while (mqtt_property_next(&walk, &property)) {
        if (property.id != MQTT_PROPERTY_USER_PROPERTY || !span_is(property.text, "tls")) continue;
        CHECK(span_is(property.value, "1.3"));
        ours++;
    }
    CHECK(bytes_ok(&walk) && ours == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct mqtt_connect before;
    struct mqtt_connect after;
    const struct mqtt_user_property tls = {"tls", span_of("1.3")};
    const struct span client_id = span_of("other");
    const struct span password = span_of("p");
    struct mqtt_connect_changes changes = {
        .client_id = &client_id, .user_properties = &tls, .user_properties_count = 1};
    size_t packed = 0;
    if (length < 1) return 0;
    if (data[0] & 1) changes.password = &password;
    if (mqtt_connect_decode(&before, data + 1, length - 1) != MQTT_OK) return 0;
    uint8_t *packet = mqtt_connect_rewrite(&before, &changes, &packed);
    CHECK(packet != NULL && mqtt_connect_decode(&after, packet, packed) == MQTT_OK);
    CHECK(span_equal(after.client_id, client_id));
    CHECK(span_equal(after.username, before.username));
    CHECK(span_equal(after.password, changes.password != NULL ? password : before.password));
    CHECK(span_equal(after.will.payload, before.will.payload));
    CHECK(after.keep_alive_s == before.keep_alive_s && after.version == before.version);
    if (after.version == MQTT_5) check_properties(after.properties);
    free(packet);
    return 0;
}
