// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/slots.h"

#include <pthread.h>
#include <string.h>

#include "pool_fixture.h"

enum { WAITERS = 6, NOT_TOLD = -10 };

/* Clients who wait, on two loops, and what they have been told. */
struct crowd {
    struct fixture *fixture;
    struct loop loops[2];
    struct client {
        struct slots_waiter waiter;
        char id[24];
        bool tried[MOST];
        int told;
    } clients[WAITERS];
    char order[WAITERS + 1]; /* of those who have a slot: the last letter of each id */
};

static struct crowd crowd;

static void on_told(struct loop_note *note)
{
    struct client *client = CONTAINER_OF(note, struct client, waiter.note);
    client->told = client->waiter.server;
    if (client->told == POOL_NONE) return;
    size_t length = strlen(crowd.order);
    crowd.order[length] = (char)('a' + (client - crowd.clients));
    crowd.order[length + 1] = '\0';
}

static void begin(struct fixture *fixture)
{
    struct err err;
    memset(&crowd, 0, sizeof crowd);
    crowd.fixture = fixture;
    fixture->config.queue.size = WAITERS;
    for (unsigned i = 0; i < 2; i++)
        assert_true(loop_init(&crowd.loops[i], i, &err));
}

static void turn(unsigned loop)
{
    (void)uv_run(&crowd.loops[loop].uv, UV_RUN_NOWAIT);
}

static void end(void)
{
    for (unsigned i = 0; i < 2; i++) {
        loop_stop(&crowd.loops[i]);
        (void)uv_run(&crowd.loops[i].uv, UV_RUN_DEFAULT);
        loop_clear(&crowd.loops[i]);
    }
}

static bool wait_for(unsigned number, const char *id, int awaited)
{
    struct client *client = &crowd.clients[number];
    (void)snprintf(client->id, sizeof client->id, "%s", id);
    client->told = NOT_TOLD;
    client->waiter = (struct slots_waiter){
        .pool = &crowd.fixture->pool,
        .client = {span_of(client->id), client->tried},
        .loop = &crowd.loops[number % 2]
    };
    return slots_wait(&client->waiter, awaited, 0, on_told);
}

static void leave(unsigned number)
{
    slots_leave(&crowd.clients[number].waiter, 0);
}

/* A backend of one server that serves one client, which it does. */
static void fill_one(struct fixture *fixture)
{
    with(fixture, 1, CONFIG_ROUND_ROBIN, CONFIG_CHECK_TCP, NULL);
    limit(fixture, 0, 1);
    assert_int_equal(choose(fixture, "is in"), 0);
    begin(fixture);
}

static void the_queue_is_bounded(void **state)
{
    struct fixture fixture;
    (void)state;
    fill_one(&fixture);
    fixture.config.queue.size = 2;
    assert_int_equal(pool_waiting(&fixture.pool), 0);
    assert_true(wait_for(0, "x", POOL_NONE));
    assert_true(wait_for(1, "x", POOL_NONE));
    assert_false(wait_for(2, "x", POOL_NONE));
    leave(0);
    assert_true(wait_for(2, "x", POOL_NONE));
    assert_int_equal(pool_waiting(&fixture.pool), 2);
    leave(1);
    leave(2);
    assert_int_equal(pool_waiting(&fixture.pool), 0);
    end();
    pool_clear(&fixture.pool);
}

static void nobody_goes_before_those_who_wait(void **state)
{
    struct fixture fixture;
    (void)state;
    fill_one(&fixture);
    assert_true(wait_for(0, "waits", POOL_NONE));
    slots_release(&fixture.pool, 0);
    assert_int_equal(choose(&fixture, "comes later"), POOL_FULL);
    turn(0);
    assert_int_equal(crowd.clients[0].told, 0);
    slots_release(&fixture.pool, 0);
    assert_int_equal(choose(&fixture, "comes later"), 0);
    end();
    pool_clear(&fixture.pool);
}

static void slots_go_by_the_order_of_arrival_over_all_loops(void **state)
{
    struct fixture fixture;
    (void)state;
    fill_one(&fixture);
    for (unsigned i = 0; i < WAITERS; i++)
        assert_true(wait_for(i, "x", POOL_NONE));
    for (unsigned i = 0; i < WAITERS; i++) {
        slots_release(&fixture.pool, 0);
        turn(1);
        turn(0);
    }
    assert_string_equal(crowd.order, "abcdef");
    end();
    pool_clear(&fixture.pool);
}

static void who_has_left_is_given_no_slot(void **state)
{
    struct fixture fixture;
    (void)state;
    fill_one(&fixture);
    for (unsigned i = 0; i < 4; i++)
        assert_true(wait_for(i, "x", POOL_NONE));
    leave(0);
    slots_release(&fixture.pool, 0); /* for the second one, who leaves before it knows */
    leave(1);
    turn(0);
    turn(1);
    assert_string_equal(crowd.order, "c");
    assert_int_equal(crowd.clients[0].told, NOT_TOLD);
    assert_int_equal(crowd.clients[1].told, NOT_TOLD);
    leave(3);
    slots_release(&fixture.pool, 0);
    assert_int_equal(choose(&fixture, "comes later"), 0);
    end();
    pool_clear(&fixture.pool);
}

static void who_waits_when_the_last_server_goes_down_is_told(void **state)
{
    struct fixture fixture;
    (void)state;
    fill_one(&fixture);
    assert_true(wait_for(0, "x", POOL_NONE));
    fail_dials(&fixture, 0);
    turn(0);
    assert_int_equal(crowd.clients[0].told, POOL_NONE);
    assert_int_equal(pool_waiting(&fixture.pool), 0);
    end();
    pool_clear(&fixture.pool);
}

static void a_server_that_is_up_again_is_for_those_who_wait(void **state)
{
    struct fixture fixture;
    (void)state;
    with(&fixture, 2, CONFIG_ROUND_ROBIN, CONFIG_CHECK_TCP, NULL);
    limit(&fixture, 0, 1);
    limit(&fixture, 1, 2);
    fail_dials(&fixture, 1);
    assert_int_equal(choose(&fixture, "is in"), 0);
    begin(&fixture);
    for (unsigned i = 0; i < 3; i++)
        assert_true(wait_for(i, "x", POOL_NONE));
    crowd.clients[0].tried[1] = true; /* in vain, before it waited */
    for (unsigned i = 0; i < 2; i++)
        findings_of_check(&fixture.pool, 1, NULL, 0);
    turn(0);
    turn(1);
    assert_int_equal(crowd.clients[0].told, NOT_TOLD);
    assert_int_equal(crowd.clients[1].told, 1);
    assert_int_equal(crowd.clients[2].told, 1);
    leave(0);
    end();
    pool_clear(&fixture.pool);
}

/* ------------------------------------------------------------------------------------------ homes
 */

/* An id whose home is `home`, the `number`th one. */
static const char *id_at(struct fixture *fixture, int home, int number)
{
    static char id[24];
    for (int i = 0;; i++) {
        (void)snprintf(id, sizeof id, "meter-%d", i);
        int chosen = choose(fixture, id);
        if (chosen >= 0) slots_release(&fixture->pool, chosen);
        if (chosen == home && number-- == 0) return id;
    }
}

static void who_waits_for_one_server_keeps_nobody_from_another(void **state)
{
    struct fixture fixture;
    char other[24];
    (void)state;
    with(&fixture, 2, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, NULL);
    begin(&fixture);
    (void)snprintf(other, sizeof other, "%s", id_at(&fixture, 1, 0));
    const char *id = id_at(&fixture, 0, 0);
    int awaited = POOL_NONE;
    assert_int_equal(choose(&fixture, id), 0);
    limit(&fixture, 0, 1);
    limit(&fixture, 1, 1);
    assert_int_equal(choose_for(&fixture, id, &awaited), POOL_FULL);
    assert_int_equal(awaited, 0);
    assert_true(wait_for(0, id, awaited));
    assert_int_equal(choose(&fixture, other), 1);
    slots_release(&fixture.pool, 1); /* and none of the other one's slots is given to it */
    turn(0);
    assert_int_equal(crowd.clients[0].told, NOT_TOLD);
    slots_release(&fixture.pool, 0);
    turn(0);
    assert_int_equal(crowd.clients[0].told, 0);
    end();
    pool_clear(&fixture.pool);
}

/* Three who wait for one server and, between them, two for the other one, both of which are full.
 */
static void wait_at_two_homes(struct fixture *fixture, const struct pool *before)
{
    with(fixture, 2, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, before);
    begin(fixture);
    char ids[5][24];
    for (int i = 0; i < 5; i++)
        (void)snprintf(ids[i], sizeof ids[i], "%s", id_at(fixture, i % 2, i));
    for (int i = 0; i < 2; i++)
        assert_int_equal(choose(fixture, ids[i]), i);
    limit(fixture, 0, 1);
    limit(fixture, 1, 1);
    for (unsigned i = 0; i < 5; i++)
        assert_true(wait_for(i, ids[i], (int)(i % 2)));
}

static void a_home_that_goes_down_is_replaced_in_the_order_of_arrival(void **state)
{
    struct fixture fixture;
    (void)state;
    wait_at_two_homes(&fixture, NULL);
    fail_dials(&fixture, 0);
    for (unsigned i = 0; i < 5; i++) {
        slots_release(&fixture.pool, 1);
        turn(0);
        turn(1);
    }
    assert_string_equal(crowd.order, "abcde");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(crowd.clients[i].told, 1);
    end();
    pool_clear(&fixture.pool);
}

/* ---------------------------------------------------------------------------------------- reloads
 */

static void a_higher_limit_serves_the_first_ones_at_once(void **state)
{
    struct fixture old;
    struct fixture new;
    (void)state;
    fill_one(&old);
    for (unsigned i = 0; i < 4; i++)
        assert_true(wait_for(i, "x", POOL_NONE));
    with(&new, 1, CONFIG_ROUND_ROBIN, CONFIG_CHECK_TCP, &old.pool);
    turn(0);
    assert_string_equal(crowd.order, ""); /* it is not in force yet */
    limit(&new, 0, 3);
    assert_int_equal(choose(&new, "comes later"), POOL_FULL);
    turn(0);
    turn(1);
    assert_string_equal(crowd.order, "ab");
    slots_release(&old.pool, 0); /* by whoever is in still, for who waits by either */
    assert_true(slots_move(&crowd.clients[3].waiter, &new.pool, new.tried, 0));
    slots_release(&new.pool, 0);
    turn(0);
    turn(1);
    assert_string_equal(crowd.order, "abcd");
    end();
    pool_clear(&old.pool);
    pool_clear(&new.pool);
}

static void who_waits_for_a_server_that_is_removed_waits_for_another_in_its_place(void **state)
{
    struct fixture old;
    struct fixture new;
    (void)state;
    wait_at_two_homes(&old, NULL);
    with(&new, 2, CONFIG_CLIENT_ID, CONFIG_CHECK_TCP, NULL);
    pool_clear(&new.pool);
    new.config.servers = &new.servers[1]; /* the second one alone */
    new.config.servers_count = 1;
    new.servers[1].max_connections = 1;
    assert_true(pool_init(&new.pool, &new.config, NULL, &old.pool));
    for (unsigned i = 5; i-- > 0;) /* as a worker comes to them, the newest first */
        assert_true(slots_move(&crowd.clients[i].waiter, &new.pool, new.tried, 0));
    slots_release(&old.pool, 0); /* is nobody's any more */
    turn(0);
    turn(1);
    assert_string_equal(crowd.order, "");
    for (unsigned i = 0; i < 5; i++) {
        slots_release(i % 2 == 0 ? &old.pool : &new.pool, i % 2 == 0 ? 1 : 0);
        turn(0);
        turn(1);
    }
    assert_string_equal(crowd.order, "abcde");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(crowd.clients[i].told, 0);
    pool_clear(&old.pool);
    pool_clear(&new.pool);
    end();
}

static void who_has_a_slot_already_does_not_move(void **state)
{
    struct fixture old;
    struct fixture new;
    (void)state;
    fill_one(&old);
    assert_true(wait_for(0, "x", POOL_NONE));
    with(&new, 1, CONFIG_ROUND_ROBIN, CONFIG_CHECK_TCP, &old.pool);
    slots_release(&old.pool, 0);
    assert_false(slots_move(&crowd.clients[0].waiter, &new.pool, new.tried, 0));
    leave(0); /* and its slot is free */
    limit(&new, 0, 1);
    assert_int_equal(choose(&new, "comes later"), 0);
    end();
    pool_clear(&old.pool);
    pool_clear(&new.pool);
}

/* ---------------------------------------------------------------------------------------- threads
 */

enum { THREADS = 4, VISITS = 2000, AT_ONCE = 8, LIMIT = 3 };

/* A thread whose clients come, wait if they have to, some of them not to the end, stay for a turn
 * of the loop, and go. */
struct visitors {
    struct loop loop;
    struct pool *pool;
    pthread_t thread;
    unsigned left;
    unsigned waited;
    struct visitor {
        struct slots_waiter waiter;
        struct visitors *visitors;
        bool tried[MOST];
        bool is_in;
        bool waits;
    } all[AT_ONCE];
};

static void on_visitor_told(struct loop_note *note)
{
    struct visitor *visitor = CONTAINER_OF(note, struct visitor, waiter.note);
    CHECK(visitor->waits && visitor->waiter.server == 0);
    visitor->waits = false;
    visitor->is_in = true;
    visitor->visitors->waited++;
}

static void come(struct visitor *visitor)
{
    struct visitors *visitors = visitor->visitors;
    int awaited = POOL_NONE;
    visitors->left--;
    visitor->waiter = (struct slots_waiter){
        .pool = visitors->pool, .client = {span_of("x"), visitor->tried},
             .loop = &visitors->loop
    };
    visitor->is_in = slots_take(visitors->pool, &visitor->waiter.client, 0, &awaited) == 0;
    if (visitor->is_in) return;
    visitor->waits = slots_wait(&visitor->waiter, awaited, 0, on_visitor_told);
    CHECK(visitor->waits);
}

/* Whether somebody is left. */
static bool go_on(struct visitor *visitor)
{
    struct visitors *visitors = visitor->visitors;
    CHECK(atomic_load(&visitors->pool->servers[0].state->connections) <= LIMIT);
    if (visitor->is_in) {
        visitor->is_in = false;
        slots_release(visitors->pool, 0);
    } else if (visitor->waits && visitors->left % 7 == 0) {
        visitor->waits = false;
        slots_leave(&visitor->waiter, 0);
    }
    if (!visitor->waits && visitors->left > 0) come(visitor);
    return visitor->is_in || visitor->waits;
}

static void *visit(void *arg)
{
    struct visitors *visitors = arg;
    bool some = true;
    while (some) {
        some = false;
        for (size_t i = 0; i < AT_ONCE; i++)
            some = go_on(&visitors->all[i]) || some;
        (void)uv_run(&visitors->loop.uv, UV_RUN_NOWAIT);
    }
    loop_stop(&visitors->loop);
    (void)uv_run(&visitors->loop.uv, UV_RUN_DEFAULT);
    return NULL;
}

static void no_slot_is_lost_and_none_is_given_twice_between_threads(void **state)
{
    static struct visitors threads[THREADS];
    struct fixture fixture;
    struct err err;
    (void)state;
    with(&fixture, 1, CONFIG_ROUND_ROBIN, CONFIG_CHECK_TCP, NULL);
    fixture.config.queue.size = THREADS * AT_ONCE;
    limit(&fixture, 0, LIMIT);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i].pool = &fixture.pool;
        threads[i].left = VISITS;
        for (size_t j = 0; j < AT_ONCE; j++)
            threads[i].all[j].visitors = &threads[i];
        assert_true(loop_init(&threads[i].loop, i, &err));
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i].thread, NULL, visit, &threads[i]), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i].thread, NULL);
        loop_clear(&threads[i].loop);
        assert_int_equal(threads[i].left, 0);
        assert_true(threads[i].waited > VISITS / 10);
    }
    assert_int_equal(pool_waiting(&fixture.pool), 0);
    assert_int_equal(atomic_load(&fixture.pool.servers[0].state->connections), 0);
    pool_clear(&fixture.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(nobody_goes_before_those_who_wait),
        cmocka_unit_test(slots_go_by_the_order_of_arrival_over_all_loops),
        cmocka_unit_test(who_has_left_is_given_no_slot),
        cmocka_unit_test(who_waits_when_the_last_server_goes_down_is_told),
        cmocka_unit_test(a_server_that_is_up_again_is_for_those_who_wait),
        cmocka_unit_test(who_waits_for_one_server_keeps_nobody_from_another),
        cmocka_unit_test(a_home_that_goes_down_is_replaced_in_the_order_of_arrival),
        cmocka_unit_test(a_higher_limit_serves_the_first_ones_at_once),
        cmocka_unit_test(who_waits_for_a_server_that_is_removed_waits_for_another_in_its_place),
        cmocka_unit_test(who_has_a_slot_already_does_not_move),
        cmocka_unit_test(no_slot_is_lost_and_none_is_given_twice_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
