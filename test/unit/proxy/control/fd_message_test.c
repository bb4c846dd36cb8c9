// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/fd_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_last_words_are_heard_of_one_that_has_not_listened(void **state)
{
    int pair[2];
    char text[16];
    size_t count = 0;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_true(fd_message_send(pair[0], "unread", NULL, 0));
    assert_true(fd_message_send(pair[1], "because", NULL, 0));
    assert_int_equal(close(pair[1]), 0);
    assert_true(fd_message_receive(pair[0], text, sizeof text, NULL, &count));
    assert_string_equal(text, "because");
    assert_false(fd_message_receive(pair[0], text, sizeof text, NULL, &count));
    assert_int_equal(close(pair[0]), 0);
}

static void test_a_message_brings_its_descriptors_along(void **state)
{
    int pair[2];
    int ends[2];
    int came[2];
    char text[16];
    char byte = 0;
    size_t count = 2;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(fd_message_send(pair[0], "pipe", &ends[0], 1));
    assert_true(fd_message_receive(pair[1], text, sizeof text, came, &count));
    assert_string_equal(text, "pipe");
    assert_int_equal(count, 1);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(read(came[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    for (int i = 0; i < 2; i++)
        assert_true(close(pair[i]) == 0 && close(ends[i]) == 0);
    assert_int_equal(close(came[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_words_are_heard_of_one_that_has_not_listened),
        cmocka_unit_test(test_a_message_brings_its_descriptors_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
