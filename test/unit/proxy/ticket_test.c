// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/tls/ticket.h"

enum { BODY = 100, ROOM = 600, LIFETIME_S = 3600 };

struct ticket {
    uint8_t name[TICKET_NAME_BYTES];
    uint8_t iv[TICKET_IV_BYTES];
    uint8_t mac[TICKET_MAC_BYTES];
    uint8_t body[ROOM];
    size_t length;
};

static const uint8_t binding[TICKET_BINDING_BYTES] = {1, 2, 3};
static const uint8_t other_binding[TICKET_BINDING_BYTES] = {1, 2, 4};

static struct ticket_envelope envelope_of(struct ticket *ticket)
{
    return (struct ticket_envelope){ticket->name, ticket->iv, ticket->mac};
}

static struct ticket seal_for(struct ticket_keys *keys, struct ticket_bearer bearer, time_t now)
{
    struct ticket ticket = {.length = BODY};
    memset(ticket.body, 7, BODY);
    assert_true(ticket_seal(keys, binding, envelope_of(&ticket), ticket.body, &ticket.length, ROOM,
                            &bearer, now));
    return ticket;
}

static struct ticket seal(struct ticket_keys *keys, struct identity_certificate *identity,
                          time_t now)
{
    return seal_for(keys, (struct ticket_bearer){identity, 0}, now);
}

static bool opens(struct ticket_keys *keys, struct ticket ticket, const uint8_t *bound, time_t now)
{
    struct ticket_bearer bearer;
    bool opened = ticket_open(keys, bound, envelope_of(&ticket), ticket.body, &ticket.length,
                              &bearer, now);
    if (opened) assert_int_equal(ticket.length, BODY);
    if (opened) assert_int_equal(ticket.body[0], 7);
    free(bearer.identity);
    return opened;
}

static struct ticket_keys *make_keys(int64_t rotate_s)
{
    struct err err = {{0}};
    struct ticket_keys *keys = ticket_keys_new(NULL, rotate_s, LIFETIME_S, &err);
    assert_non_null(keys);
    return keys;
}

static void opens_what_it_sealed_while_it_is_fresh(void **state)
{
    (void)state;
    time_t now = time(NULL);
    struct ticket_keys *keys = make_keys(7200);
    struct ticket ticket = seal(keys, NULL, now);
    assert_memory_not_equal(ticket.body, "\7\7\7\7\7\7\7\7", 8);
    assert_true(opens(keys, ticket, binding, now));
    assert_true(opens(keys, ticket, binding, now + LIFETIME_S - 1));
    assert_false(opens(keys, ticket, binding, now + LIFETIME_S));
    ticket_keys_unref(keys);
}

static void refuses_a_ticket_of_other_settings(void **state)
{
    (void)state;
    time_t now = time(NULL);
    struct ticket_keys *keys = make_keys(7200);
    assert_false(opens(keys, seal(keys, NULL, now), other_binding, now));
    ticket_keys_unref(keys);
}

static void refuses_a_ticket_with_any_bit_changed(void **state)
{
    (void)state;
    time_t now = time(NULL);
    struct ticket_keys *keys = make_keys(7200);
    struct ticket ticket = seal(keys, NULL, now);
    for (size_t i = 0; i < ticket.length; i++) {
        struct ticket forged = ticket;
        forged.body[i] ^= 1;
        assert_false(opens(keys, forged, binding, now));
    }
    ticket_keys_unref(keys);
}

static void opens_tickets_of_the_key_before_the_rotation(void **state)
{
    (void)state;
    time_t now = time(NULL);
    struct ticket_keys *keys = make_keys(100);
    struct ticket first = seal(keys, NULL, now);
    struct ticket second = seal(keys, NULL, now + 101);
    assert_memory_not_equal(first.name, second.name, TICKET_NAME_BYTES);
    assert_true(opens(keys, first, binding, now + 102));
    assert_true(opens(keys, second, binding, now + 102));
    ticket_keys_unref(keys);
}

static void carries_the_identity_until_its_certificate_expires(void **state)
{
    (void)state;
    time_t now = time(NULL);
    struct ticket_keys *keys = make_keys(7200);
    struct identity_certificate identity = {
        .subject = "CN=meter-7,O=Example",
        .issuer = "CN=Example CA",
        .common_name = "meter-7",
        .serial = "0a0b",
        .fingerprint_sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        .spki_sha256 = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100",
        .not_before = now - 10,
        .not_after = now + 60,
    };
    struct ticket ticket = seal(keys, &identity, now);
    assert_true(opens(keys, ticket, binding, now + 59));
    assert_false(opens(keys, ticket, binding, now + 60));
    struct ticket_bearer bearer;
    assert_true(ticket_open(keys, binding, envelope_of(&ticket), ticket.body, &ticket.length,
                            &bearer, now));
    struct identity_certificate *carried = bearer.identity;
    assert_string_equal(carried->common_name, "meter-7");
    assert_string_equal(carried->subject, identity.subject);
    assert_string_equal(carried->fingerprint_sha256, identity.fingerprint_sha256);
    assert_int_equal(carried->not_after, identity.not_after);
    free(carried);
    ticket_keys_unref(keys);
}

static void says_how_often_it_was_resumed_and_not_for_ever(void **state)
{
    (void)state;
    time_t now = time(NULL);
    struct ticket_keys *keys = make_keys(7200);
    struct ticket_bearer bearer;
    struct ticket last = seal_for(keys, (struct ticket_bearer){NULL, TICKET_MOST_RESUMPTIONS - 1},
                                  now);
    struct ticket copy = last;
    assert_true(
        ticket_open(keys, binding, envelope_of(&copy), copy.body, &copy.length, &bearer, now));
    assert_int_equal(bearer.resumptions, TICKET_MOST_RESUMPTIONS - 1);
    assert_null(bearer.identity);
    struct ticket spent = seal_for(keys, (struct ticket_bearer){NULL, TICKET_MOST_RESUMPTIONS},
                                   now);
    assert_false(opens(keys, spent, binding, now));
    ticket_keys_unref(keys);
}

static void replicas_with_one_key_file_open_each_others_tickets(void **state)
{
    (void)state;
    char path[] = "/tmp/ticket-keys-XXXXXX";
    int fd = mkstemp(path);
    time_t now = time(NULL);
    const char *lines = "# old, then new\n"
                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                        "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\n";
    struct err err = {{0}};
    assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
    struct ticket_keys *one = ticket_keys_new(path, 0, LIFETIME_S, &err);
    struct ticket_keys *other = ticket_keys_new(path, 0, LIFETIME_S, &err);
    assert_non_null(one);
    assert_non_null(other);
    assert_true(opens(other, seal(one, NULL, now), binding, now));
    ticket_keys_unref(one);
    ticket_keys_unref(other);
    (void)close(fd);
    (void)unlink(path);
}

static void names_the_line_of_a_key_that_is_too_short(void **state)
{
    (void)state;
    char path[] = "/tmp/ticket-keys-XXXXXX";
    int fd = mkstemp(path);
    struct err err = {{0}};
    assert_int_equal(write(fd, "\nAAAA\n", 6), 6);
    assert_null(ticket_keys_new(path, 0, LIFETIME_S, &err));
    assert_non_null(strstr(err.text, ":2: not a ticket key"));
    (void)close(fd);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed_while_it_is_fresh),
        cmocka_unit_test(refuses_a_ticket_of_other_settings),
        cmocka_unit_test(refuses_a_ticket_with_any_bit_changed),
        cmocka_unit_test(opens_tickets_of_the_key_before_the_rotation),
        cmocka_unit_test(carries_the_identity_until_its_certificate_expires),
        cmocka_unit_test(says_how_often_it_was_resumed_and_not_for_ever),
        cmocka_unit_test(replicas_with_one_key_file_open_each_others_tickets),
        cmocka_unit_test(names_the_line_of_a_key_that_is_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
