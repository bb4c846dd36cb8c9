// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/connect_rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/properties.h"
#include "mqtt/utf8.h"

enum { AROUND_BYTES = 64 /* headers, lengths and the protocol's name */ };

static bool is_replaced(const struct mqtt_property *property,
                        const struct mqtt_connect_changes *changes)
{
    if (property->id != MQTT_PROPERTY_USER_PROPERTY) return false;
    for (size_t i = 0; i < changes->user_properties_count; i++)
        if (span_is(property->text, changes->user_properties[i].name)) return true;
    return false;
}

static void put_properties(struct bytes_writer *out, struct span properties,
                           const struct mqtt_connect_changes *changes)
{
    struct mqtt_property property;
    struct bytes walk = bytes_of(properties.data, properties.length);
    while (mqtt_property_next(&walk, &property))
        if (!is_replaced(&property, changes))
            bytes_put(out, property.whole.data, property.whole.length);
    for (size_t i = 0; i < changes->user_properties_count; i++) {
        const struct mqtt_user_property *added = &changes->user_properties[i];
        if (added->value.data == NULL) continue;
        bytes_put_u8(out, MQTT_PROPERTY_USER_PROPERTY);
        mqtt_utf8_encode(out, span_of(added->name));
        mqtt_utf8_encode(out, added->value);
    }
}

static size_t properties_room(const struct mqtt_connect *connect,
                              const struct mqtt_connect_changes *changes)
{
    size_t room = connect->properties.length + 1;
    for (size_t i = 0; i < changes->user_properties_count; i++)
        room += 5 + strlen(changes->user_properties[i].name) +
                changes->user_properties[i].value.length;
    return room;
}

static uint8_t *encode(const struct mqtt_connect *connect, size_t *length)
{
    size_t room = AROUND_BYTES + connect->properties.length + connect->client_id.length +
                  connect->username.length + connect->password.length;
    if (connect->will.present)
        room += connect->will.properties.length + connect->will.topic.length +
                connect->will.payload.length;
    uint8_t *packet = malloc(room);
    if (packet == NULL) return NULL;
    struct bytes_writer out = bytes_writer_of(packet, room);
    mqtt_connect_encode(&out, connect);
    *length = out.length;
    if (bytes_writer_ok(&out)) return packet;
    free(packet);
    return NULL;
}

uint8_t *mqtt_connect_rewrite(const struct mqtt_connect *connect,
                              const struct mqtt_connect_changes *changes, size_t *length)
{
    struct mqtt_connect changed = *connect;
    size_t room = properties_room(connect, changes);
    uint8_t *properties = malloc(room);
    if (properties == NULL) return NULL;
    struct bytes_writer out = bytes_writer_of(properties, room);
    if (connect->version == MQTT_5) put_properties(&out, connect->properties, changes);
    changed.properties = (struct span){properties, out.length};
    if (changes->client_id != NULL) changed.client_id = *changes->client_id;
    if (changes->username != NULL) changed.username = *changes->username;
    if (changes->password != NULL) changed.password = *changes->password;
    changed.has_password = connect->has_password || changes->password != NULL;
    changed.has_username = connect->has_username || changes->username != NULL ||
                           (changed.has_password && connect->version != MQTT_5);
    uint8_t *packet = bytes_writer_ok(&out) ? encode(&changed, length) : NULL;
    free(properties);
    return packet;
}
