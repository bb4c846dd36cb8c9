// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void put(struct outbox *outbox, const char *text)
{
    uint8_t *room = outbox_reserve(outbox, strlen(text));
    assert_non_null(room);
    memcpy(room, text, strlen(text));
    outbox_commit(outbox, strlen(text));
}

static void gathers_small_pieces_in_one_buffer(void **state)
{
    struct outbox_pool pool = {0};
    struct outbox outbox;
    uv_buf_t buffers[4];
    (void)state;
    outbox_init(&outbox, &pool);
    put(&outbox, "one ");
    put(&outbox, "two");
    assert_int_equal(outbox_peek(&outbox, buffers, 4), 1);
    assert_int_equal(buffers[0].len, 7);
    assert_memory_equal(buffers[0].base, "one two", 7);
    outbox_clear(&outbox);
    outbox_pool_clear(&pool);
}

static void goes_on_where_a_short_write_ended(void **state)
{
    struct outbox_pool pool = {0};
    struct outbox outbox;
    uv_buf_t buffers[4];
    (void)state;
    outbox_init(&outbox, &pool);
    put(&outbox, "abcdef");
    outbox_advance(&outbox, 4);
    put(&outbox, "gh");
    assert_int_equal(outbox.bytes, 4);
    assert_int_equal(outbox_peek(&outbox, buffers, 4), 1);
    assert_memory_equal(buffers[0].base, "efgh", 4);
    outbox_advance(&outbox, 4);
    assert_int_equal(outbox_peek(&outbox, buffers, 4), 0);
    assert_null(outbox.last);
    assert_int_equal(pool.count, 1);
    outbox_pool_clear(&pool);
}

static void refers_to_a_payload_and_keeps_the_order(void **state)
{
    static char text[5000];
    struct outbox_pool pool = {0};
    struct outbox outbox;
    uv_buf_t buffers[4];
    (void)state;
    memset(text, 'p', sizeof text - 1);
    struct message *message = message_new(span_of("t"), (struct span){0}, span_of(text));
    outbox_init(&outbox, &pool);
    put(&outbox, "head");
    assert_true(outbox_put_payload(&outbox, message));
    assert_int_equal(message->references, 2);
    put(&outbox, "tail");
    assert_int_equal(outbox_peek(&outbox, buffers, 2), 2);
    assert_int_equal(outbox_peek(&outbox, buffers, 4), 3);
    assert_ptr_equal(buffers[1].base, message_payload(message).data);
    outbox_advance(&outbox, 4 + message->payload_length);
    assert_int_equal(message->references, 1);
    assert_int_equal(outbox_peek(&outbox, buffers, 4), 1);
    assert_memory_equal(buffers[0].base, "tail", 4);
    outbox_clear(&outbox);
    message_unref(message);
    outbox_pool_clear(&pool);
}

static void lends_more_than_a_chunk_at_once(void **state)
{
    struct outbox_pool pool = {0};
    struct outbox outbox;
    (void)state;
    outbox_init(&outbox, &pool);
    put(&outbox, "x");
    uint8_t *room = outbox_reserve(&outbox, 100000);
    memset(room, 0, 100000);
    outbox_commit(&outbox, 100000);
    assert_int_equal(outbox.bytes, 100001);
    outbox_advance(&outbox, 100001);
    assert_int_equal(outbox.bytes, 0);
    outbox_pool_clear(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers_small_pieces_in_one_buffer),
        cmocka_unit_test(goes_on_where_a_short_write_ended),
        cmocka_unit_test(refers_to_a_payload_and_keeps_the_order),
        cmocka_unit_test(lends_more_than_a_chunk_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
