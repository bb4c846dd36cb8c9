// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/syscalls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* By hand, for a library might not even try. */
static bool is_denied(long number, long first)
{
    errno = 0;
    return syscall(number, first, 0L, 0L, 0L) == -1 && errno == EPERM;
}

/* In a child: 0 is good, another number says which promise was broken. */
static int look(void)
{
    struct err err;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !syscalls_restrict(&err)) return 1;
    if (!is_denied(SYS_execve, (long)"/bin/true")) return 2;
    if (!is_denied(SYS_ptrace, PTRACE_TRACEME)) return 3;
    if (!is_denied(SYS_setuid, (long)getuid())) return 4;
    if (!is_denied(SYS_socket, AF_PACKET)) return 5;
    if (!is_denied(SYS_mount, 0) || !is_denied(SYS_unshare, 0)) return 6;
    if (socket(AF_INET6, SOCK_STREAM, 0) < 0 || socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 7;
    if (getpid() <= 0) return 8;
    return 0;
}

static void denies_what_serving_does_not_need(void **state)
{
    int status = -1;
    (void)state;
    pid_t child = fork();
    if (child == 0) _exit(look());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(denies_what_serving_does_not_need)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
