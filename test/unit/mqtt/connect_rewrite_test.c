// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/connect_rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mqtt/properties.h"

#define SPAN(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

/* One user property, as on the wire. */
#define USER_PROPERTY(a, name, b, value) "\x26\x00" a name "\x00" b value

static struct mqtt_connect sample(enum mqtt_version version)
{
    struct mqtt_connect connect = {.version = version,
                                   .clean_start = true,
                                   .keep_alive_s = 60,
                                   .client_id = SPAN("meter-7"),
                                   .has_username = true,
                                   .username = SPAN("ann"),
                                   .has_password = true,
                                   .password = SPAN("secret")};
    connect.will.present = true;
    connect.will.qos = 1;
    connect.will.topic = SPAN("gone/meter-7");
    connect.will.payload = SPAN("bye");
    if (version == MQTT_5) {
        connect.properties = SPAN("\x11\x00\x00\x0e\x10" USER_PROPERTY("\x01", "a", "\x01", "1")
                                      USER_PROPERTY("\x03", "tls", "\x04", "mine"));
        connect.will.properties = SPAN("\x18\x00\x00\x00\x05");
    }
    return connect;
}

static uint8_t *encode(const struct mqtt_connect *connect, size_t *length)
{
    uint8_t *packet = malloc(512);
    struct bytes_writer out = bytes_writer_of(packet, 512);
    mqtt_connect_encode(&out, connect);
    assert_true(bytes_writer_ok(&out));
    *length = out.length;
    return packet;
}

static struct mqtt_connect rewritten(const struct mqtt_connect *connect,
                                     const struct mqtt_connect_changes *changes, uint8_t **packet)
{
    struct mqtt_connect out;
    size_t length = 0;
    *packet = mqtt_connect_rewrite(connect, changes, &length);
    assert_non_null(*packet);
    assert_int_equal(mqtt_connect_decode(&out, *packet, length), MQTT_OK);
    return out;
}

static void leaves_every_byte_where_nothing_is_changed(void **state)
{
    (void)state;
    for (unsigned version = MQTT_3_1; version <= MQTT_5; version++) {
        struct mqtt_connect connect = sample((enum mqtt_version)version);
        size_t before_length = 0;
        size_t after_length = 0;
        uint8_t *before = encode(&connect, &before_length);
        assert_int_equal(mqtt_connect_decode(&connect, before, before_length), MQTT_OK);
        uint8_t *after = mqtt_connect_rewrite(&connect, &(struct mqtt_connect_changes){0},
                                              &after_length);
        assert_non_null(after);
        assert_int_equal(after_length, before_length);
        assert_memory_equal(after, before, before_length);
        free(after);
        free(before);
    }
}

static void changes_what_it_is_told_to_and_nothing_else(void **state)
{
    (void)state;
    const struct span client_id = SPAN("a-much-longer-client-id");
    const struct span username = SPAN("CN=x");
    const struct span password = SPAN("p");
    for (unsigned version = MQTT_3_1; version <= MQTT_5; version++) {
        uint8_t *packet = NULL;
        const struct mqtt_connect before = sample((enum mqtt_version)version);
        struct mqtt_connect after = rewritten(
            &before, &(struct mqtt_connect_changes){&client_id, &username, &password, NULL, 0},
            &packet);
        assert_true(span_equal(after.client_id, client_id));
        assert_true(span_equal(after.username, username));
        assert_true(span_equal(after.password, password));
        assert_true(span_equal(after.will.topic, before.will.topic));
        assert_true(span_equal(after.will.payload, before.will.payload));
        assert_true(span_equal(after.will.properties, before.will.properties));
        assert_true(span_equal(after.properties, before.properties));
        assert_int_equal(after.keep_alive_s, 60);
        assert_true(after.clean_start && after.will.qos == 1 && !after.will.retain);
        free(packet);
    }
}

static void writes_its_user_properties_in_place_of_the_clients(void **state)
{
    (void)state;
    const struct mqtt_user_property added[] = {
        {"tls", SPAN("1.3")},
        {"a",   {NULL, 0}  }
    };
    uint8_t *packet = NULL;
    const struct mqtt_connect before = sample(MQTT_5);
    struct mqtt_connect after = rewritten(
        &before,
        &(struct mqtt_connect_changes){.user_properties = added, .user_properties_count = 2},
        &packet);
    const struct span expected = SPAN(
        "\x11\x00\x00\x0e\x10" USER_PROPERTY("\x03", "tls", "\x03", "1.3"));
    assert_true(span_equal(after.properties, expected));
    free(packet);
    const struct mqtt_connect old = sample(MQTT_3_1_1);
    after = rewritten(
        &old, &(struct mqtt_connect_changes){.user_properties = added, .user_properties_count = 2},
        &packet);
    assert_int_equal(after.properties.length, 0);
    free(packet);
}

static void brings_a_username_where_a_password_needs_one(void **state)
{
    (void)state;
    const struct span password = SPAN("p");
    uint8_t *packet = NULL;
    struct mqtt_connect bare = {.version = MQTT_3_1_1, .clean_start = true, .client_id = SPAN("x")};
    struct mqtt_connect after = rewritten(
        &bare, &(struct mqtt_connect_changes){.password = &password}, &packet);
    assert_true(after.has_username && after.username.length == 0);
    free(packet);
    bare.version = MQTT_5;
    after = rewritten(&bare, &(struct mqtt_connect_changes){.password = &password}, &packet);
    assert_false(after.has_username);
    free(packet);
}

static void refuses_what_mqtt_cannot_say(void **state)
{
    (void)state;
    static uint8_t large[70000];
    memset(large, 'x', sizeof large);
    const struct span client_id = {large, sizeof large};
    const struct mqtt_connect connect = sample(MQTT_5);
    size_t length = 0;
    assert_null(mqtt_connect_rewrite(
        &connect, &(struct mqtt_connect_changes){.client_id = &client_id}, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_every_byte_where_nothing_is_changed),
        cmocka_unit_test(changes_what_it_is_told_to_and_nothing_else),
        cmocka_unit_test(writes_its_user_properties_in_place_of_the_clients),
        cmocka_unit_test(brings_a_username_where_a_password_needs_one),
        cmocka_unit_test(refuses_what_mqtt_cannot_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
