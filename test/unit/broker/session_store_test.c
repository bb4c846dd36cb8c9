// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/session_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finds_sessions_by_their_whole_id(void **state)
{
    struct subscriptions subscriptions;
    struct session_store store;
    (void)state;
    subscriptions_init(&subscriptions);
    session_store_init(&store, &subscriptions, 10);
    struct session *a = session_new(&store, span_of("a"));
    struct session *nul = session_new(&store, (struct span){(const uint8_t *)"a\0b", 3});
    assert_ptr_equal(session_find(&store, span_of("a")), a);
    assert_ptr_equal(session_find(&store, (struct span){(const uint8_t *)"a\0b", 3}), nul);
    assert_null(session_find(&store, span_of("ab")));
    assert_null(session_find(&store, (struct span){0}));
    assert_int_not_equal(a->number, nul->number);
    session_store_clear(&store);
    assert_int_equal(store.count, 0);
    subscriptions_clear(&subscriptions);
}

static void refuses_more_sessions_than_allowed(void **state)
{
    struct subscriptions subscriptions;
    struct session_store store;
    (void)state;
    subscriptions_init(&subscriptions);
    session_store_init(&store, &subscriptions, 2);
    assert_non_null(session_new(&store, span_of("a")));
    assert_non_null(session_new(&store, span_of("b")));
    assert_null(session_new(&store, span_of("c")));
    session_free(&store, session_find(&store, span_of("a")));
    assert_non_null(session_new(&store, span_of("c")));
    session_store_clear(&store);
    subscriptions_clear(&subscriptions);
}

static void frees_all_that_a_session_holds(void **state)
{
    const struct subscription_options options = {0};
    const struct queue_limits limits = {10, 10000};
    struct subscriptions subscriptions;
    struct session_store store;
    bool existed = false;
    (void)state;
    subscriptions_init(&subscriptions);
    session_store_init(&store, &subscriptions, 2);
    struct session *session = session_new(&store, span_of("a"));
    struct message *message = message_new(span_of("t"), (struct span){0}, span_of("p"));
    struct delivery *delivery = delivery_new(message, 1, false, NULL, 0);
    assert_true(queue_push(session_make_queue(session), &limits, &delivery));
    assert_true(packet_ids_add(&session->received, 7));
    assert_true(
        subscriptions_add(&subscriptions, &session->subscriber, span_of("#"), &options, &existed));
    struct message *will = message_ref(message);
    assert_true(will_set(&session->will, session, will, 0));
    assert_int_equal(message->references, 3);
    session_free(&store, session);
    assert_int_equal(message->references, 1);
    assert_int_equal(subscriptions.filters.count, 0);
    message_unref(message);
    session_store_clear(&store);
    subscriptions_clear(&subscriptions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_sessions_by_their_whole_id),
        cmocka_unit_test(refuses_more_sessions_than_allowed),
        cmocka_unit_test(frees_all_that_a_session_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
