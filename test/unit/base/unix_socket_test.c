// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/unix_socket.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/unix_socket_test.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static struct sockaddr_un address_of(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
    return address;
}

static void a_socket_is_stale_once_nobody_listens_on_it(void **state)
{
    struct sockaddr_un address = address_of("socket");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    assert_false(unix_socket_is_stale(&address));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_false(unix_socket_is_stale(&address));
    assert_int_equal(close(fd), 0);
    assert_true(unix_socket_is_stale(&address));
    assert_int_equal(unlink(address.sun_path), 0);
}

static void a_file_that_is_no_socket_is_never_stale(void **state)
{
    struct sockaddr_un file = address_of("file");
    struct sockaddr_un link = address_of("link");
    int fd = open(file.sun_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(symlink(file.sun_path, link.sun_path), 0);
    assert_false(unix_socket_is_stale(&file));
    assert_false(unix_socket_is_stale(&link));
    assert_int_equal(unlink(link.sun_path), 0);
    assert_int_equal(unlink(file.sun_path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_is_stale_once_nobody_listens_on_it),
        cmocka_unit_test(a_file_that_is_no_socket_is_never_stale),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
