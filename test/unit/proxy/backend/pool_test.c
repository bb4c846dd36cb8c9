// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/pool.h"

#include <arpa/inet.h>
#include <string.h>

#include "pool_fixture.h"

static void a_server_that_is_down_is_not_chosen(void **state)
{
    struct fixture fixture;
    (void)state;
    with(&fixture, 3, CONFIG_ROUND_ROBIN, CONFIG_CHECK_TCP, NULL);
    fail_dials(&fixture, 1);
    for (int i = 0; i < 12; i++) {
        int chosen = choose(&fixture, "x");
        assert_true(chosen == 0 || chosen == 2);
        slots_release(&fixture.pool, chosen);
    }
    assert_int_equal(pool_usable(&fixture.pool, fixture.tried, 0), 2);
    pool_clear(&fixture.pool);
}

static void nobody_is_chosen_when_all_are_down(void **state)
{
    struct fixture fixture;
    (void)state;
    with(&fixture, 2, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, NULL);
    assert_true(pool_is_alive(&fixture.pool));
    fail_dials(&fixture, 0);
    fail_dials(&fixture, 1);
    assert_int_equal(choose(&fixture, "x"), POOL_NONE);
    assert_false(pool_is_alive(&fixture.pool));
    char words[500];
    pool_describe(&fixture.pool, words, sizeof words);
    assert_non_null(strstr(words, "10.0.0.1:1883 is down"));
    assert_non_null(strstr(words, "; 10.0.0.2:1883 is down"));
    assert_non_null(strstr(words, "3 dials in a row failed: connection refused"));
    pool_clear(&fixture.pool);
}

static void a_view_tells_state_reason_and_connections(void **state)
{
    struct fixture fixture;
    struct pool_view view;
    (void)state;
    with(&fixture, 1, CONFIG_ROUND_ROBIN, CONFIG_CHECK_TCP, NULL);
    limit(&fixture, 0, 7);
    assert_int_equal(choose(&fixture, "x"), 0);
    pool_look(&fixture.pool, 0, &view);
    assert_string_equal(view.name, "10.0.0.1:1883");
    assert_true(view.up && view.checked);
    char words[200];
    pool_describe(&fixture.pool, words, sizeof words);
    assert_string_equal(words, "10.0.0.1:1883: it answers, as far as is known");
    assert_int_equal(view.connections, 1);
    assert_int_equal(view.max_connections, 7);
    findings_of_check(&fixture.pool, 0, "connection refused", 0);
    pool_look(&fixture.pool, 0, &view);
    assert_false(view.up);
    assert_true(view.since_ms > 0);
    assert_string_equal(view.words, "its check fails: connection refused");
    findings_of_check(&fixture.pool, 0, NULL, 0);
    findings_of_check(&fixture.pool, 0, NULL, 0);
    pool_look(&fixture.pool, 0, &view);
    assert_true(view.up);
    assert_string_equal(view.words, "its check succeeds");
    pool_clear(&fixture.pool);
}

static void who_is_over_the_limit_waits(void **state)
{
    struct fixture fixture;
    (void)state;
    with(&fixture, 2, CONFIG_LEAST_CONNECTIONS, CONFIG_CHECK_TCP, NULL);
    limit(&fixture, 0, 1);
    limit(&fixture, 1, 2);
    unsigned chosen[2] = {0};
    for (int i = 0; i < 3; i++)
        chosen[choose(&fixture, "x")]++;
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 2);
    assert_int_equal(choose(&fixture, "x"), POOL_FULL);
    slots_release(&fixture.pool, 1);
    assert_int_equal(choose(&fixture, "x"), 1);
    pool_clear(&fixture.pool);
}

static void a_client_waits_for_its_home_while_that_is_full(void **state)
{
    struct fixture fixture;
    (void)state;
    with(&fixture, 3, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, NULL);
    int home = choose(&fixture, "meter-1");
    limit(&fixture, home, 1);
    assert_int_equal(choose(&fixture, "meter-1"), POOL_FULL);
    fail_dials(&fixture, home); /* one that is down is not waited for */
    assert_true(choose(&fixture, "meter-1") >= 0);
    pool_clear(&fixture.pool);
}

static void a_reload_keeps_what_is_known_of_servers_that_stay(void **state)
{
    struct fixture old;
    struct fixture new;
    (void)state;
    with(&old, 2, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, NULL);
    fail_dials(&old, 1);
    int chosen = choose(&old, "x");
    assert_int_equal(chosen, 0);
    with(&new, 3, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, &old.pool);
    slots_carry_over(&new.pool, 0, &old.pool, chosen);
    pool_clear(&old.pool);
    struct pool_view views[3];
    for (size_t i = 0; i < 3; i++)
        pool_look(&new.pool, i, &views[i]);
    assert_true(views[0].up && !views[1].up && views[2].up);
    assert_int_equal(views[0].connections, 1);
    assert_int_equal(views[2].connections, 0);
    pool_clear(&new.pool);
}

static struct server_addresses *addresses_of(const char *const *texts, size_t count)
{
    struct server_addresses *addresses = server_addresses_new(count);
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_in *item = (struct sockaddr_in *)&addresses->items[i];
        item->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, texts[i], &item->sin_addr), 1);
    }
    return addresses;
}

static void the_last_good_addresses_of_a_name_stay(void **state)
{
    static const char *const one[] = {"10.0.0.1"};
    static const char *const two[] = {"10.0.0.2", "10.0.0.3"};
    char why[SERVER_WORDS];
    struct server_state *server = server_state_new(0);
    (void)state;
    assert_null(server_state_addresses(server, why));
    assert_string_equal(why, "");
    server_state_resolve(server, NULL, "its name is not resolved: no such name");
    assert_null(server_state_addresses(server, why));
    assert_string_equal(why, "its name is not resolved: no such name");
    server_state_resolve(server, addresses_of(one, 1), NULL);
    server_state_resolve(server, NULL, "its name is not resolved: timeout");
    struct server_addresses *held = server_state_addresses(server, why);
    assert_int_equal(held->count, 1);
    server_state_resolve(server, addresses_of(two, 2), NULL);
    assert_int_equal(held->count, 1); /* whoever dials keeps what he has */
    server_addresses_unref(held);
    held = server_state_addresses(server, why);
    assert_int_equal(held->count, 2);
    server_addresses_unref(held);
    server_state_unref(server);
}

static void a_client_id_keeps_its_address_of_a_name_whatever_the_order(void **state)
{
    static const char *const there[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    static const char *const back[] = {"10.0.0.3", "10.0.0.2", "10.0.0.1"};
    struct server_addresses *one = addresses_of(there, 3);
    struct server_addresses *other = addresses_of(back, 3);
    struct fixture fixture;
    unsigned chosen[3] = {0};
    (void)state;
    with(&fixture, 1, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, NULL);
    for (int i = 0; i < 300; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "meter-%d", i);
        size_t first = pool_first_address(&fixture.pool, one, span_of(id));
        assert_int_equal(first, 2 - pool_first_address(&fixture.pool, other, span_of(id)));
        chosen[first]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(chosen[i], 60, 140);
    fixture.config.balance = CONFIG_ROUND_ROBIN;
    size_t first = pool_first_address(&fixture.pool, one, span_of("x"));
    assert_int_equal(pool_first_address(&fixture.pool, one, span_of("x")), (first + 1) % 3);
    pool_clear(&fixture.pool);
    server_addresses_unref(one);
    server_addresses_unref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_down_is_not_chosen),
        cmocka_unit_test(nobody_is_chosen_when_all_are_down),
        cmocka_unit_test(a_view_tells_state_reason_and_connections),
        cmocka_unit_test(who_is_over_the_limit_waits),
        cmocka_unit_test(a_client_waits_for_its_home_while_that_is_full),
        cmocka_unit_test(a_reload_keeps_what_is_known_of_servers_that_stay),
        cmocka_unit_test(the_last_good_addresses_of_a_name_stay),
        cmocka_unit_test(a_client_id_keeps_its_address_of_a_name_whatever_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
