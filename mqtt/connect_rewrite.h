// SPDX-License-Identifier: GPL-3.0-or-later
/* Another CONNECT out of one that was decoded: what is changed is changed, and the rest is byte for
 * byte what the client sent. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "mqtt/connect.h"

struct mqtt_user_property {
    const char *name;
    struct span
        value; /* data NULL: none is written, but the client's own is left out all the same */
};

/* What is NULL or 0 stays as it is. */
struct mqtt_connect_changes {
    const struct span *client_id;
    const struct span *username;
    const struct span *password;
    /* For MQTT 5: written behind the client's properties, of which those with one of these names
     * are left out, lest a client say of itself what only the proxy knows. */
    const struct mqtt_user_property *user_properties;
    size_t user_properties_count;
};

/* Gives the CONNECT (free; it holds a password: explicit_bzero first) and its length. A password
 * where MQTT 3.1.1 has no username brings an empty username with it (MQTT-3.1.2-22). NULL: out of
 * memory, or a field is longer than MQTT can say. Texts must be valid by mqtt_utf8_is_valid. */
MUST_USE uint8_t *mqtt_connect_rewrite(const struct mqtt_connect *connect,
                                       const struct mqtt_connect_changes *changes, size_t *length);
