// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct queue_limits limits = {.messages = 4, .bytes = 10000};

static bool push(struct queue *queue, const char *payload, uint8_t qos)
{
    struct message *message = message_new(span_of("t"), (struct span){0}, span_of(payload));
    struct delivery *delivery = delivery_new(message, qos, false, NULL, 0);
    message_unref(message);
    bool kept = queue_push(queue, &limits, &delivery);
    assert_null(delivery);
    return kept;
}

/* Sends the next one and says which it was; NULL: none. */
static struct delivery *send_next(struct queue *queue, size_t window)
{
    struct delivery *next = queue_next(queue, window);
    if (next != NULL && next->qos != 0) queue_sent(queue, next);
    return next;
}

static bool next_is(struct queue *queue, size_t window, const char *payload)
{
    struct delivery *next = send_next(queue, window);
    return next != NULL && span_is(message_payload(next->message), payload);
}

static void sends_in_the_order_of_arrival_whatever_the_qos(void **state)
{
    struct queue queue = {0};
    (void)state;
    assert_true(push(&queue, "a", 1) && push(&queue, "b", 0) && push(&queue, "c", 2));
    assert_true(next_is(&queue, 10, "a"));
    assert_true(next_is(&queue, 10, "b"));
    queue_remove(&queue, queue.pending_qos0.first);
    assert_true(next_is(&queue, 10, "c"));
    assert_null(queue_next(&queue, 10));
    assert_int_equal(queue.outstanding, 2);
    queue_clear(&queue);
    assert_true(queue_idle(&queue));
}

static void sends_no_more_than_the_window(void **state)
{
    struct queue queue = {0};
    (void)state;
    assert_true(push(&queue, "a", 1) && push(&queue, "b", 1) && push(&queue, "c", 1));
    struct delivery *first = send_next(&queue, 2);
    (void)send_next(&queue, 2);
    assert_null(queue_next(&queue, 2));
    assert_true(push(&queue, "free", 0));
    assert_int_equal(queue_next(&queue, 2)->qos, 0);
    queue_remove(&queue, queue.pending_qos0.first);
    queue_remove(&queue, first);
    assert_true(next_is(&queue, 2, "c"));
    queue_clear(&queue);
}

static void drops_qos_0_first_and_then_refuses(void **state)
{
    struct queue queue = {0};
    (void)state;
    assert_true(push(&queue, "0a", 0) && push(&queue, "0b", 0));
    assert_true(push(&queue, "1a", 1) && push(&queue, "1b", 1));
    assert_false(push(&queue, "0c", 0));
    assert_true(push(&queue, "1c", 1) && push(&queue, "1d", 2));
    assert_false(push(&queue, "1e", 1));
    assert_int_equal(queue.pending_qos0.count, 0);
    assert_int_equal(queue.pending.count, 4);
    assert_int_equal(queue.dropped, 4);
    queue_clear(&queue);
    assert_int_equal(queue.pending_bytes, 0);
}

static void refuses_more_bytes_than_allowed(void **state)
{
    static char large[6000];
    struct queue queue = {0};
    (void)state;
    memset(large, 'x', sizeof large - 1);
    assert_true(push(&queue, large, 1));
    assert_false(push(&queue, large, 1));
    assert_true(push(&queue, "small", 1));
    queue_clear(&queue);
    assert_int_equal(queue.pending_bytes, 0);
}

static void sends_what_was_inflight_again_with_the_same_identifiers(void **state)
{
    struct queue queue = {0};
    (void)state;
    assert_true(push(&queue, "a", 1) && push(&queue, "b", 2) && push(&queue, "c", 1));
    struct delivery *a = send_next(&queue, 2);
    struct delivery *b = send_next(&queue, 2);
    uint16_t first = delivery_packet_id(a);
    uint16_t second = delivery_packet_id(b);
    queue_release(b);
    queue_restart(&queue);
    assert_int_equal(queue.outstanding, 0);
    assert_ptr_equal(send_next(&queue, 1), a);
    assert_null(queue_next(&queue, 1)); /* a smaller window than before */
    queue_remove(&queue, a);
    assert_ptr_equal(send_next(&queue, 1), b);
    assert_null(b->message);
    assert_int_equal(delivery_packet_id(b), second);
    assert_int_not_equal(first, second);
    queue_remove(&queue, queue_find(&queue, second));
    assert_true(next_is(&queue, 1, "c"));
    queue_clear(&queue);
}

static void takes_an_acknowledgement_before_the_resend(void **state)
{
    struct queue queue = {0};
    (void)state;
    assert_true(push(&queue, "a", 1) && push(&queue, "b", 1));
    struct delivery *a = send_next(&queue, 2);
    struct delivery *b = send_next(&queue, 2);
    queue_restart(&queue);
    queue_remove(&queue, a);
    assert_ptr_equal(queue_next(&queue, 2), b);
    queue_remove(&queue, b);
    assert_null(queue_next(&queue, 2));
    assert_true(queue_idle(&queue));
}

static void never_gives_an_identifier_twice_at_a_time(void **state)
{
    struct queue queue = {0};
    (void)state;
    assert_true(push(&queue, "stays", 1));
    uint16_t taken = delivery_packet_id(send_next(&queue, 10));
    for (size_t i = 0; i < 70000; i++) {
        assert_true(push(&queue, "goes", 1));
        struct delivery *delivery = send_next(&queue, 10);
        assert_int_not_equal(delivery_packet_id(delivery), taken);
        assert_int_not_equal(delivery_packet_id(delivery), 0);
        queue_remove(&queue, delivery);
    }
    assert_non_null(queue_find(&queue, taken));
    queue_clear(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_in_the_order_of_arrival_whatever_the_qos),
        cmocka_unit_test(sends_no_more_than_the_window),
        cmocka_unit_test(drops_qos_0_first_and_then_refuses),
        cmocka_unit_test(refuses_more_bytes_than_allowed),
        cmocka_unit_test(sends_what_was_inflight_again_with_the_same_identifiers),
        cmocka_unit_test(takes_an_acknowledgement_before_the_resend),
        cmocka_unit_test(never_gives_an_identifier_twice_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
