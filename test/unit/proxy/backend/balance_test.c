// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/balance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CLIENTS = 60000 };

static struct balance_server server(const char *address, unsigned weight)
{
    return (struct balance_server){
        .key = balance_server_key(address), .weight = weight, .usable = true};
}

static int choose_for(const struct balance_server *servers, size_t count, unsigned client)
{
    char id[32];
    (void)snprintf(id, sizeof id, "meter-%u", client);
    return balance_choose(CONFIG_CLIENT_ID, servers, count, 0, span_of(id));
}

static void assert_near(double value, double wanted, double tolerance)
{
    if (fabs(value - wanted) > tolerance * wanted) {
        print_error("%g is not within %g of %g\n", value, tolerance, wanted);
        fail();
    }
}

/* ------------------------------------------------------------------------------------ client id */

static void shares_clients_by_weight(void **state)
{
    const unsigned weights[] = {1, 1, 2, 4};
    const char *const names[] = {"10.0.0.1:1883", "10.0.0.2:1883", "10.0.0.3:1883", "b:1883"};
    struct balance_server servers[4];
    unsigned clients[4] = {0};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        servers[i] = server(names[i], weights[i]);
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[choose_for(servers, 4, i)]++;
    for (size_t i = 0; i < 4; i++)
        assert_near(clients[i], CLIENTS * weights[i] / 8.0, 0.05);
}

static void moves_only_its_share_when_a_server_is_added(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 12; count += count < 3 ? 1 : 3) {
        struct balance_server servers[13];
        unsigned moved = 0;
        for (size_t i = 0; i <= count; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "broker-%zu.internal:1883", i);
            servers[i] = server(name, i == count ? 2 : 1);
        }
        for (unsigned i = 0; i < CLIENTS; i++) {
            int before = choose_for(servers, count, i);
            int after = choose_for(servers, count + 1, i);
            if (before == after) continue;
            assert_int_equal(after, count); /* nobody moves between the others */
            moved++;
        }
        assert_near(moved, CLIENTS * 2.0 / ((double)count + 2), 0.1);
    }
}

/* The figures of docs/backends.md. */
static void prints_how_many_of_10000_clients_move(void **state)
{
    enum { IDS = 10000, MOST = 10 };
    (void)state;
    for (size_t count = 2; count <= MOST; count++) {
        struct balance_server servers[MOST + 1];
        unsigned moved = 0;
        unsigned shares[MOST + 1] = {0};
        for (size_t i = 0; i <= count; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "10.0.0.%zu:1883", i + 1);
            servers[i] = server(name, 1);
        }
        for (unsigned i = 0; i < IDS; i++) {
            int after = choose_for(servers, count + 1, i);
            moved += after != choose_for(servers, count, i);
            shares[after]++;
        }
        unsigned least = IDS;
        unsigned most = 0;
        for (size_t i = 0; i <= count; i++) {
            least = shares[i] < least ? shares[i] : least;
            most = shares[i] > most ? shares[i] : most;
        }
        print_message(
            "%zu servers and one more: %u of %d clients move (1/%zu is %zu), a server has "
            "%u to %u\n",
            count, moved, IDS, count + 1, IDS / (count + 1), least, most);
        assert_near(moved, (double)IDS / ((double)count + 1), 0.1);
        assert_near(least, (double)IDS / ((double)count + 1), 0.15);
        assert_near(most, (double)IDS / ((double)count + 1), 0.15);
    }
}

static void moves_only_the_clients_of_a_lost_server(void **state)
{
    struct balance_server servers[] = {server("a:1", 1), server("b:1", 3), server("c:1", 1),
                                       server("d:1", 1)};
    unsigned moved_to[4] = {0};
    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        servers[1].usable = true;
        int before = choose_for(servers, 4, i);
        servers[1].usable = false;
        int after = choose_for(servers, 4, i);
        if (before != 1)
            assert_int_equal(before, after);
        else
            moved_to[after]++;
    }
    assert_int_equal(moved_to[1], 0);
    assert_near(moved_to[0], CLIENTS / 6.0, 0.1);
    assert_near(moved_to[2], CLIENTS / 6.0, 0.1);
    assert_near(moved_to[3], CLIENTS / 6.0, 0.1);
}

static void does_not_care_for_the_order_of_servers(void **state)
{
    const struct balance_server there[] = {server("a:1", 1), server("b:1", 2), server("c:1", 3)};
    const struct balance_server back[] = {there[2], there[1], there[0]};
    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(choose_for(there, 3, i), 2 - choose_for(back, 3, i));
}

/* Replicas must agree whatever they run on; a change here moves every client of every fleet. Found
 * independently, with floating-point logarithms. */
static void chooses_what_it_has_always_chosen(void **state)
{
    const struct balance_server servers[] = {server("10.0.0.5:1883", 1),
                                             server("broker-2.internal:1883", 2),
                                             server("unix:/run/mosquitto.sock", 1)};
    char chosen[33] = "";
    (void)state;
    for (unsigned i = 0; i < 32; i++)
        chosen[i] = (char)('0' + choose_for(servers, 3, i));
    assert_string_equal(chosen, "21111112201200211002212122112002");
}

/* ---------------------------------------------------------------------------------- by the turn */

static void takes_turns_by_weight(void **state)
{
    const struct balance_server servers[] = {server("a:1", 5), server("b:1", 1), server("c:1", 1)};
    unsigned chosen[3] = {0};
    (void)state;
    for (uint64_t turn = 0; turn < 7; turn++)
        chosen[balance_choose(CONFIG_ROUND_ROBIN, servers, 3, turn, span_of("x"))]++;
    assert_int_equal(chosen[0], 5);
    assert_int_equal(chosen[1], 1);
    assert_int_equal(chosen[2], 1);
}

static void gives_each_server_its_weight_in_every_cycle(void **state)
{
    struct balance_server servers[9];
    (void)state;
    srand(7);
    for (unsigned round = 0; round < 200; round++) {
        uint64_t cycle = 0;
        unsigned chosen[9] = {0};
        for (size_t i = 0; i < 9; i++) {
            servers[i] = server("x:1", 1 + (unsigned)rand() % 40);
            servers[i].usable = i == 0 || rand() % 4 != 0;
            if (servers[i].usable) cycle += servers[i].weight;
        }
        for (uint64_t turn = cycle * 3; turn < cycle * 4; turn++)
            chosen[balance_choose(CONFIG_ROUND_ROBIN, servers, 9, turn, span_of(""))]++;
        for (size_t i = 0; i < 9; i++)
            assert_int_equal(chosen[i], servers[i].usable ? servers[i].weight : 0);
    }
}

/* No run of a server is longer than its weight asks for. */
static void spreads_turns_over_the_cycle(void **state)
{
    const struct balance_server servers[] = {server("a:1", 2), server("b:1", 4), server("c:1", 2)};
    int last = -1;
    (void)state;
    for (uint64_t turn = 0; turn < 80; turn++) {
        int chosen = balance_choose(CONFIG_ROUND_ROBIN, servers, 3, turn, span_of("x"));
        if (chosen != 1) assert_int_not_equal(chosen, last);
        last = chosen;
    }
}

static void spreads_empty_client_ids(void **state)
{
    const struct balance_server servers[] = {server("a:1", 1), server("b:1", 1)};
    (void)state;
    for (uint64_t turn = 0; turn < 10; turn++)
        assert_int_equal(balance_choose(CONFIG_CLIENT_ID, servers, 2, turn, (struct span){NULL, 0}),
                         turn % 2);
}

/* ---------------------------------------------------------------------------- least connections */

static void evens_connections_out_by_weight(void **state)
{
    struct balance_server servers[] = {server("a:1", 1), server("b:1", 3), server("c:1", 2)};
    (void)state;
    for (uint64_t turn = 0; turn < 600; turn++)
        servers[balance_choose(CONFIG_LEAST_CONNECTIONS, servers, 3, turn, span_of("x"))]
            .connections++;
    assert_int_equal(servers[0].connections, 100);
    assert_int_equal(servers[1].connections, 300);
    assert_int_equal(servers[2].connections, 200);
}

static void takes_turns_among_equals(void **state)
{
    const struct balance_server servers[] = {server("a:1", 1), server("b:1", 1), server("c:1", 1)};
    (void)state;
    for (uint64_t turn = 0; turn < 9; turn++)
        assert_int_equal(balance_choose(CONFIG_LEAST_CONNECTIONS, servers, 3, turn, span_of("x")),
                         turn % 3);
}

/* ------------------------------------------------------------------------------------ all three */

static void never_chooses_what_is_not_usable(void **state)
{
    const enum config_balance methods[] = {CONFIG_LEAST_CONNECTIONS, CONFIG_ROUND_ROBIN,
                                           CONFIG_CLIENT_ID};
    struct balance_server servers[] = {server("a:1", 1), server("b:1", 9), server("c:1", 1)};
    (void)state;
    for (size_t method = 0; method < 3; method++) {
        servers[0].usable = servers[1].usable = false;
        servers[2].usable = true;
        for (uint64_t turn = 0; turn < 50; turn++)
            assert_int_equal(balance_choose(methods[method], servers, 3, turn, span_of("x")), 2);
        servers[2].usable = false;
        assert_int_equal(balance_choose(methods[method], servers, 3, 1, span_of("x")),
                         BALANCE_NONE);
        assert_int_equal(balance_choose(methods[method], servers, 0, 1, span_of("x")),
                         BALANCE_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_clients_by_weight),
        cmocka_unit_test(moves_only_its_share_when_a_server_is_added),
        cmocka_unit_test(prints_how_many_of_10000_clients_move),
        cmocka_unit_test(moves_only_the_clients_of_a_lost_server),
        cmocka_unit_test(does_not_care_for_the_order_of_servers),
        cmocka_unit_test(chooses_what_it_has_always_chosen),
        cmocka_unit_test(takes_turns_by_weight),
        cmocka_unit_test(gives_each_server_its_weight_in_every_cycle),
        cmocka_unit_test(spreads_turns_over_the_cycle),
        cmocka_unit_test(spreads_empty_client_ids),
        cmocka_unit_test(evens_connections_out_by_weight),
        cmocka_unit_test(takes_turns_among_equals),
        cmocka_unit_test(never_chooses_what_is_not_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
