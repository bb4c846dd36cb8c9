// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admission/sources.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct config_limits three = {.max_connections_per_source = 3};
static const struct config_limits penal = {
    .penalised = true, .penalty = {.failures = 3, .window_ms = 1000, .block_ms = 5000}
};

static struct in6_addr address(const char *text)
{
    struct in6_addr out;
    char mapped[64];
    (void)snprintf(mapped, sizeof mapped, "%s%s", strchr(text, ':') == NULL ? "::ffff:" : "", text);
    assert_int_equal(inet_pton(AF_INET6, mapped, &out), 1);
    return out;
}

static enum sources_verdict enter(struct sources *sources, const char *text,
                                  const struct config_limits *limits, uint64_t now_ms,
                                  struct sources_ticket *ticket)
{
    struct in6_addr from = address(text);
    return sources_enter(sources, &from, limits, now_ms, ticket);
}

static bool fails(struct sources *sources, const char *text, uint64_t now_ms)
{
    struct in6_addr from = address(text);
    return sources_fail(sources, &from, &penal.penalty, now_ms);
}

static void lets_in_as_many_as_the_limit_and_again_when_one_has_left(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket tickets[4];
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &tickets[i]), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &tickets[3]), SOURCES_OVER);
    sources_leave(sources, tickets[3]);
    assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &tickets[3]), SOURCES_OVER);
    assert_int_equal(enter(sources, "10.0.0.2", &three, 0, &tickets[3]), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &tickets[3]), SOURCES_OVER);
    sources_leave(sources, tickets[0]);
    /* The fourth, who is still being told, takes no place. */
    assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &tickets[0]), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &tickets[0]), SOURCES_OVER);
    sources_unref(sources);
}

static void tells_only_so_many_that_they_are_too_many(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket ticket;
    uint64_t told = 0;
    (void)state;
    for (size_t i = 0; i < 3; i++)
        (void)enter(sources, "10.0.0.1", &three, 0, &ticket);
    while (enter(sources, "10.0.0.1", &three, 0, &ticket) == SOURCES_OVER)
        told++;
    assert_int_equal(told, sources_spare(3, 64));
    assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &ticket), SOURCES_FAR_OVER);
    assert_int_equal(ticket.generation, 0);
    sources_unref(sources);
}

static void counts_ipv6_by_64_and_ipv4_by_address(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket ticket;
    static const struct config_limits one = {.max_connections_per_source = 1};
    (void)state;
    assert_int_equal(enter(sources, "2001:db8:0:1::1", &one, 0, &ticket), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "2001:db8:0:1:ffff::", &one, 0, &ticket), SOURCES_OVER);
    assert_int_equal(enter(sources, "2001:db8:0:2::1", &one, 0, &ticket), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "::1", &one, 0, &ticket), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.1", &one, 0, &ticket), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.3", &one, 0, &ticket), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.1", &one, 0, &ticket), SOURCES_OVER);
    sources_unref(sources);
}

static void blocks_who_fails_so_often_within_the_window(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket ticket;
    (void)state;
    assert_false(fails(sources, "10.0.0.1", 0));
    assert_false(fails(sources, "10.0.0.1", 500));
    assert_false(fails(sources, "10.0.0.2", 500));
    assert_int_equal(enter(sources, "10.0.0.1", &penal, 999, &ticket), SOURCES_WELCOME);
    assert_true(fails(sources, "10.0.0.1", 999));
    assert_int_equal(sources_blocked(sources, 999), 1);
    assert_false(fails(sources, "10.0.0.1", 1000)); /* of an older connection: nothing new */
    assert_int_equal(enter(sources, "10.0.0.1", &penal, 1000, &ticket), SOURCES_BLOCKED);
    assert_int_equal(enter(sources, "10.0.0.1", &penal, 5998, &ticket), SOURCES_BLOCKED);
    assert_int_equal(enter(sources, "10.0.0.2", &penal, 1000, &ticket), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.1", &penal, 5999, &ticket), SOURCES_WELCOME);
    assert_int_equal(sources_blocked(sources, 5999), 0);
    sources_unref(sources);
}

static void forgets_failures_when_the_window_is_over(void **state)
{
    struct sources *sources = sources_new();
    (void)state;
    for (uint64_t now_ms = 0; now_ms < 100000; now_ms += 500)
        assert_false(fails(sources, "10.0.0.1", now_ms));
    assert_false(fails(sources, "10.0.0.2", 0));
    assert_false(fails(sources, "10.0.0.2", 1));
    assert_false(fails(sources, "10.0.0.2", 1000));
    assert_false(fails(sources, "10.0.0.2", 1001));
    assert_true(fails(sources, "10.0.0.2", 1002));
    sources_unref(sources);
}

static void a_block_counts_for_nothing_where_penalty_was_turned_off(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket ticket;
    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        (void)fails(sources, "10.0.0.1", i);
    assert_int_equal(enter(sources, "10.0.0.1", &three, 10, &ticket), SOURCES_WELCOME);
    sources_unref(sources);
}

/* A quarter of a million strangers in a table for 65536: all are served, and who is blocked or has
 * many connections stays known. */
static void strangers_are_served_and_free_nobody_when_it_is_full(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket ticket;
    struct in6_addr stranger = address("10.0.0.0");
    const struct config_limits both = {
        .max_connections_per_source = 3,
        .penalised = true,
        .penalty = {.failures = 3, .window_ms = 1000, .block_ms = 5000}
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)fails(sources, "192.0.2.1", i);
        (void)enter(sources, "192.0.2.2", &both, 0, &ticket);
    }
    for (uint32_t i = 0; i < 250000; i++) {
        uint32_t host = htonl(0x0a000000 + i);
        memcpy(stranger.s6_addr + 12, &host, sizeof host);
        assert_int_equal(sources_enter(sources, &stranger, &both, 10, &ticket), SOURCES_WELCOME);
    }
    assert_int_equal(enter(sources, "192.0.2.1", &both, 10, &ticket), SOURCES_BLOCKED);
    assert_int_equal(enter(sources, "192.0.2.2", &both, 10, &ticket), SOURCES_OVER);
    sources_unref(sources);
}

static void a_ticket_of_who_was_forgotten_takes_nothing_from_another(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket old;
    struct sources_ticket ticket;
    struct in6_addr stranger = address("10.0.0.0");
    char text[INET6_ADDRSTRLEN] = "";
    (void)state;
    (void)enter(sources, "192.0.2.1", &three, 0, &old);
    for (uint32_t i = 0; i < 250000; i++) {
        uint32_t host = htonl(0x0a000000 + i);
        memcpy(stranger.s6_addr + 12, &host, sizeof host);
        (void)sources_enter(sources, &stranger, &three, 0, &ticket);
        if (ticket.slot == old.slot && ticket.generation != old.generation) break;
    }
    assert_int_equal(ticket.slot, old.slot);
    (void)inet_ntop(AF_INET, stranger.s6_addr + 12, text, sizeof text);
    (void)enter(sources, text, &three, 0, &ticket);
    (void)enter(sources, text, &three, 0, &ticket);
    sources_leave(sources, old);
    assert_int_equal(enter(sources, text, &three, 0, &ticket), SOURCES_OVER);
    sources_unref(sources);
}

static void *come_and_go(void *arg)
{
    struct sources_ticket ticket;
    for (unsigned i = 0; i < 20000; i++) {
        if (enter(arg, "10.0.0.1", &three, 0, &ticket) == SOURCES_FAR_OVER) break;
        sources_leave(arg, ticket);
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    struct sources *sources = sources_new();
    struct sources_ticket ticket;
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, sources), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &ticket), SOURCES_WELCOME);
    assert_int_equal(enter(sources, "10.0.0.1", &three, 0, &ticket), SOURCES_OVER);
    sources_unref(sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_in_as_many_as_the_limit_and_again_when_one_has_left),
        cmocka_unit_test(tells_only_so_many_that_they_are_too_many),
        cmocka_unit_test(counts_ipv6_by_64_and_ipv4_by_address),
        cmocka_unit_test(blocks_who_fails_so_often_within_the_window),
        cmocka_unit_test(forgets_failures_when_the_window_is_over),
        cmocka_unit_test(a_block_counts_for_nothing_where_penalty_was_turned_off),
        cmocka_unit_test(strangers_are_served_and_free_nobody_when_it_is_full),
        cmocka_unit_test(a_ticket_of_who_was_forgotten_takes_nothing_from_another),
        cmocka_unit_test(threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
