// SPDX-License-Identifier: GPL-3.0-or-later
/* The guard by whole conversations, cut at every byte. */
#include "proxy/guard/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "proxy/guard/rate.h"

#define SPAN(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

#define CONNACK3 "\x20\x02\x00\x00"
#define CONNACK5 "\x20\x03\x00\x00\x00"
/* PUBLISH to ok/a and no/a: QoS 0 and 1 in MQTT 3.1.1, QoS 1 and 2 in MQTT 5. */
#define OK_0    "\x30\x08\x00\x04ok/aXY"
#define NO_0    "\x30\x08\x00\x04no/aXY"
#define OK5_1   "\x32\x0b\x00\x04ok/a\x00\x05\x00XY"
#define NO5_1   "\x32\x0b\x00\x04no/a\x00\x06\x00XY"
#define NO5_2   "\x34\x0b\x00\x04no/a\x00\x07\x00XY"
#define PUBACK5 "\x40\x04\x00\x06\x87\x00"
#define PUBREC5 "\x50\x04\x00\x07\x87\x00"
#define PING    "\xc0\x00"

static char *ok[] = {(char[]){"ok/${client_id}/#"}, (char[]){"ok/+"}};
static char *secret[] = {(char[]){"ok/secret"}};

struct side {
    uint8_t data[1024];
    size_t length;
};

struct world {
    struct side backend;
    struct side client;
};

static bool put(struct side *side, struct span data)
{
    assert_true(data.length <= sizeof side->data - side->length);
    memcpy(side->data + side->length, data.data, data.length);
    side->length += data.length;
    return true;
}

static bool to_backend(void *arg, struct span data)
{
    return put(&((struct world *)arg)->backend, data);
}

static bool to_client(void *arg, struct span data)
{
    return put(&((struct world *)arg)->client, data);
}

static struct topics *topics(void)
{
    const struct config_topics config = {
        true, {ok,     2},
         {secret, 1}
    };
    struct facts facts = {.client_id = SPAN("me")};
    struct topics *made = topics_new(&config, &facts);
    assert_non_null(made);
    return made;
}

static struct guard *make(enum mqtt_version version, bool close)
{
    struct guard_settings settings = {version, topics(), topics(), close, 64};
    struct guard *guard = guard_new(&settings);
    assert_non_null(guard);
    return guard;
}

/* What comes out when `client` is cut in two at `cut`; the broker's CONNACK has come before. */
static enum guard_status run(enum mqtt_version version, bool close, struct span client, size_t cut,
                             struct world *world, struct guard_violation *violation)
{
    struct guard *guard = make(version, close);
    struct guard_sink sink = {to_backend, to_client, world};
    memset(world, 0, sizeof *world);
    assert_int_equal(
        guard_from_backend(guard, version == MQTT_5 ? SPAN(CONNACK5) : SPAN(CONNACK3), &sink),
        GUARD_OK);
    world->client.length = 0;
    enum guard_status status = guard_from_client(guard, (struct span){client.data, cut}, &sink);
    if (status == GUARD_OK)
        status = guard_from_client(guard, (struct span){client.data + cut, client.length - cut},
                                   &sink);
    *violation = guard_violation(guard);
    guard_free(guard);
    return status;
}

static void expect(enum mqtt_version version, struct span client, struct span backend,
                   struct span answers)
{
    struct world world;
    struct guard_violation violation;
    for (size_t cut = 0; cut <= client.length; cut++) {
        assert_int_equal(run(version, false, client, cut, &world, &violation), GUARD_OK);
        assert_int_equal(world.backend.length, backend.length);
        assert_memory_equal(world.backend.data, backend.data, backend.length);
        assert_int_equal(world.client.length, answers.length);
        assert_memory_equal(world.client.data, answers.data, answers.length);
    }
}

static void expect_violation(enum mqtt_version version, bool close, struct span client,
                             const char *reason, uint8_t code)
{
    struct world world;
    struct guard_violation violation;
    for (size_t cut = 0; cut <= client.length; cut++) {
        assert_int_equal(run(version, close, client, cut, &world, &violation), GUARD_VIOLATION);
        assert_string_equal(violation.reason, reason);
        assert_int_equal(violation.code, code);
    }
}

static void passes_what_is_allowed_byte_for_byte(void **state)
{
    (void)state;
    expect(MQTT_3_1_1, SPAN(OK_0 PING OK_0), SPAN(OK_0 PING OK_0), SPAN(""));
    expect(MQTT_5, SPAN(OK5_1 OK5_1 PING), SPAN(OK5_1 OK5_1 PING), SPAN(""));
}

static void drops_what_is_not_and_answers_where_mqtt_can(void **state)
{
    (void)state;
    expect(MQTT_3_1_1, SPAN(OK_0 NO_0 OK_0), SPAN(OK_0 OK_0), SPAN(""));
    expect(MQTT_5, SPAN(NO5_1 OK5_1 NO5_2 PING), SPAN(OK5_1 PING), SPAN(PUBACK5 PUBREC5));
}

static void ends_the_session_where_mqtt_has_no_answer(void **state)
{
    (void)state;
    expect_violation(MQTT_3_1_1, false, SPAN("\x32\x0a\x00\x04no/a\x00\x06XY"),
                     "publish_not_allowed", 0x87);
    expect_violation(MQTT_3_1_1, true, SPAN(OK_0 NO_0), "publish_not_allowed", 0x87);
    expect_violation(MQTT_3_1, false, SPAN("\x82\x09\x00\x05\x00\x04no/a\x00"),
                     "subscribe_not_allowed", 0);
}

static void denies_before_it_allows(void **state)
{
    (void)state;
    expect(MQTT_3_1_1, SPAN("\x30\x0b\x00\x09ok/secret"), SPAN(""), SPAN(""));
    expect(MQTT_3_1_1, SPAN("\x30\x09\x00\x07ok/me/x"), SPAN("\x30\x09\x00\x07ok/me/x"), SPAN(""));
    expect(MQTT_3_1_1, SPAN("\x30\x0a\x00\x08ok/you/x"), SPAN(""), SPAN(""));
}

static void resolves_topic_aliases(void **state)
{
    (void)state;
    /* 1 is ok/a, 2 is no/a; then each of them by its alias alone */
#define SET(topic, alias) "\x30\x0a\x00\x04" topic "\x03\x23\x00" alias
#define USE(alias)        "\x30\x07\x00\x00\x03\x23\x00" alias "X"
    expect(MQTT_5, SPAN(SET("ok/a", "\x01") USE("\x01") SET("no/a", "\x02") USE("\x02")),
           SPAN(SET("ok/a", "\x01") USE("\x01")), SPAN(""));
    /* 1 becomes no/a for us, though the broker still has it as ok/a */
    expect(MQTT_5, SPAN(SET("ok/a", "\x01") SET("no/a", "\x01") USE("\x01")),
           SPAN(SET("ok/a", "\x01")), SPAN(""));
    /* the broker answers for one that was never set */
    expect(MQTT_5, SPAN(USE("\x05")), SPAN(USE("\x05")), SPAN(""));
}

static void knows_no_alias_that_was_set_unseen(void **state)
{
    (void)state;
    struct world world = {0};
    struct guard_sink sink = {to_backend, to_client, &world};
    struct guard *guard = make(MQTT_5, false);
    assert_int_equal(guard_from_client(guard, SPAN(SET("ok/a", "\x01")), &sink), GUARD_OK);
    guard_set_topics(guard, NULL, NULL, false);
    assert_int_equal(guard_from_client(guard, SPAN(SET("no/a", "\x01")), &sink), GUARD_OK);
    guard_set_topics(guard, topics(), NULL, false);
    world.backend.length = 0;
    assert_int_equal(guard_from_client(guard, SPAN(SET("ok/b", "\x02") USE("\x02")), &sink),
                     GUARD_OK);
    assert_int_equal(world.backend.length, sizeof(SET("ok/b", "\x02") USE("\x02")) - 1);
    assert_int_equal(guard_from_client(guard, SPAN(USE("\x01")), &sink), GUARD_VIOLATION);
    assert_string_equal(guard_violation(guard).reason, "alias_of_before");
    guard_free(guard);

    guard = make(MQTT_5, false);
    guard_begin_inside(guard, 0, 0);
    assert_int_equal(guard_from_client(guard, SPAN(USE("\x01")), &sink), GUARD_VIOLATION);
    guard_free(guard);
}

static void keeps_packets_within_their_limit(void **state)
{
    (void)state;
    expect_violation(MQTT_3_1_1, false, SPAN("\x30\x40\x00\x04ok/a"), "packet_too_large", 0x95);
}

static void refuses_what_is_malformed(void **state)
{
    (void)state;
    expect_violation(MQTT_3_1_1, false, SPAN("\x30\x04\x00\x09ok"), "malformed_packet", 0x81);
    expect_violation(MQTT_3_1_1, false, SPAN("\x30\x05\x00\x03o/+"), "malformed_packet", 0x81);
    expect_violation(MQTT_5, false, SPAN("\x30\x08\x00\x04ok/a\x01\xff"), "malformed_packet", 0x81);
    expect_violation(MQTT_5, false, SPAN("\x00\x00"), "malformed_packet", 0x81);
}

/* ------------------------------------------------------------------------------------- SUBSCRIBE
 */

/* ok/a, no/a, # and $share/g/ok/b */
#define SOME_FILTERS                                                                               \
    "\x82\x27\x00\x09\x02\x0b\x01\x00\x04ok/a\x01\x00\x04no/a\x01\x00\x01#\x01\x00\x0d$share/g/"   \
    "ok/b\x01"
#define THEIR_REST     "\x82\x1c\x00\x09\x02\x0b\x01\x00\x04ok/a\x01\x00\x0d$share/g/ok/b\x01"
#define BROKERS_SUBACK "\x90\x05\x00\x09\x00\x01\x02"
#define WHOLE_SUBACK   "\x90\x07\x00\x09\x00\x01\x87\x87\x02"

static void forwards_the_allowed_filters_and_completes_the_answer(void **state)
{
    (void)state;
    const struct span behind = SPAN(CONNACK5 "\xd0\x00" BROKERS_SUBACK "\xd0\x00");
    const struct span seen = SPAN(CONNACK5 "\xd0\x00" WHOLE_SUBACK "\xd0\x00");
    for (size_t cut = 0; cut <= behind.length; cut++) {
        struct world world = {0};
        struct guard_sink sink = {to_backend, to_client, &world};
        struct guard_settings settings = {MQTT_5, NULL, topics(), false, 0};
        struct guard *guard = guard_new(&settings);
        assert_int_equal(guard_from_client(guard, SPAN(SOME_FILTERS), &sink), GUARD_OK);
        assert_int_equal(world.backend.length, sizeof THEIR_REST - 1);
        assert_memory_equal(world.backend.data, THEIR_REST, sizeof THEIR_REST - 1);
        assert_int_equal(guard_from_backend(guard, (struct span){behind.data, cut}, &sink),
                         GUARD_OK);
        assert_int_equal(
            guard_from_backend(guard, (struct span){behind.data + cut, behind.length - cut}, &sink),
            GUARD_OK);
        assert_int_equal(world.client.length, seen.length);
        assert_memory_equal(world.client.data, seen.data, seen.length);
        guard_free(guard);
    }
}

static void answers_a_subscribe_of_which_nothing_is_left(void **state)
{
    (void)state;
    expect(MQTT_5, SPAN("\x82\x0a\x00\x09\x00\x00\x04no/a\x01"), SPAN(""),
           SPAN("\x90\x04\x00\x09\x00\x87"));
    expect(MQTT_3_1_1, SPAN("\x82\x09\x00\x09\x00\x04no/a\x01"), SPAN(""),
           SPAN("\x90\x03\x00\x09\x80"));
    expect(MQTT_3_1_1, SPAN("\x82\x09\x00\x09\x00\x04ok/a\x01"),
           SPAN("\x82\x09\x00\x09\x00\x04ok/a\x01"), SPAN(""));
}

static void puts_its_answers_between_packets_and_behind_the_connack(void **state)
{
    (void)state;
    const struct span behind = SPAN(CONNACK5 OK5_1);
    for (size_t cut = 0; cut <= behind.length; cut++) {
        struct world world = {0};
        struct guard_sink sink = {to_backend, to_client, &world};
        struct guard *guard = make(MQTT_5, false);
        assert_int_equal(guard_from_backend(guard, (struct span){behind.data, cut}, &sink),
                         GUARD_OK);
        assert_int_equal(guard_from_client(guard, SPAN(NO5_1), &sink), GUARD_OK);
        assert_int_equal(
            guard_from_backend(guard, (struct span){behind.data + cut, behind.length - cut}, &sink),
            GUARD_OK);
        struct span first = SPAN(CONNACK5 PUBACK5 OK5_1);
        struct span second = SPAN(CONNACK5 OK5_1 PUBACK5);
        assert_int_equal(world.client.length, first.length);
        assert_true(memcmp(world.client.data, first.data, first.length) == 0 ||
                    memcmp(world.client.data, second.data, second.length) == 0);
        guard_free(guard);
    }
}

static void begins_inside_a_stream(void **state)
{
    (void)state;
    struct world world = {0};
    struct guard_sink sink = {to_backend, to_client, &world};
    struct guard *guard = make(MQTT_3_1_1, false);
    guard_begin_inside(guard, 3, 0);
    assert_int_equal(guard_from_client(guard, SPAN("end" NO_0 PING), &sink), GUARD_OK);
    assert_int_equal(world.backend.length, 5);
    assert_memory_equal(world.backend.data, "end" PING, 5);
    guard_free(guard);
}

/* ---------------------------------------------------------------------------------------- topics
 */

static void never_lets_a_value_widen_a_filter(void **state)
{
    (void)state;
    char *templates[] = {(char[]){"d/${client_id}/#"}};
    const struct config_topics allows = {
        true, {templates, 1},
         {NULL,      0}
    };
    const struct config_topics denies = {
        false, {NULL,      0},
         {templates, 1}
    };
    const char *const wild[] = {"+", "#", "a/b", "x+"};
    for (size_t i = 0; i < ARRAY_LENGTH(wild); i++) {
        struct facts facts = {.client_id = span_of(wild[i])};
        struct topics *allowing = topics_new(&allows, &facts);
        struct topics *denying = topics_new(&denies, &facts);
        assert_false(topics_may_publish(allowing, SPAN("d/other/x")));
        assert_false(topics_may_publish(allowing, SPAN("d/a/b/x")));
        assert_false(topics_may_publish(denying, SPAN("d/a/b/x")) && strchr(wild[i], '/') != NULL);
        topics_free(allowing);
        topics_free(denying);
    }
    struct facts nobody = {.client_id = SPAN("")};
    struct topics *empty = topics_new(&allows, &nobody);
    assert_false(topics_may_publish(empty, SPAN("d//x")));
    topics_free(empty);
}

static void takes_so_many_a_second(void **state)
{
    (void)state;
    struct rate rate;
    rate_init(&rate, 10, 1000);
    assert_int_equal(rate_take(&rate, 10, 1000), 0);
    assert_int_equal(rate_take(&rate, 5, 1000), 501);
    assert_int_equal(rate_take(&rate, 0, 1501), 0);
    assert_int_equal(rate_take(&rate, 1, 2000), 0);
    assert_int_equal(rate_take(&rate, 20, 100000), 1001);
    rate_init(&rate, 0, 0);
    assert_int_equal(rate_take(&rate, 1000000, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_is_allowed_byte_for_byte),
        cmocka_unit_test(drops_what_is_not_and_answers_where_mqtt_can),
        cmocka_unit_test(ends_the_session_where_mqtt_has_no_answer),
        cmocka_unit_test(denies_before_it_allows),
        cmocka_unit_test(resolves_topic_aliases),
        cmocka_unit_test(knows_no_alias_that_was_set_unseen),
        cmocka_unit_test(keeps_packets_within_their_limit),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(forwards_the_allowed_filters_and_completes_the_answer),
        cmocka_unit_test(answers_a_subscribe_of_which_nothing_is_left),
        cmocka_unit_test(puts_its_answers_between_packets_and_behind_the_connack),
        cmocka_unit_test(begins_inside_a_stream),
        cmocka_unit_test(never_lets_a_value_widen_a_filter),
        cmocka_unit_test(takes_so_many_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
