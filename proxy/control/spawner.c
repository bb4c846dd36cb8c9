// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/control/fd_message.h"
#include "proxy/control/privileges.h"

enum {
    ORDER_ROOM = 300,
    CHANNEL_FD = 3,
    GOING_MS = 500,     /* for a successor that is about to end by itself */
    STOPPING_MS = 3000, /* from SIGTERM to SIGKILL */
    LOOK_MS = 20
};
static const char run_order[] = "run";
static const char end_order[] = "end";
static const char user_order[] = "user ";

/* ---------------------------------------------------------------------------------- its own
 * process
 */

static const int ours_alone[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};

static void set_signals(void (*handler)(int))
{
    for (size_t i = 0; i < ARRAY_LENGTH(ours_alone); i++)
        (void)signal(ours_alone[i], handler); /* all of them may be set */
}

/* In the child of a fork. */
static _Noreturn void become_successor(int channel, char **argv)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", CHANNEL_FD);
    set_signals(SIG_DFL); /* what is ignored stays so over an exec */
    if (channel != CHANNEL_FD && dup2(channel, CHANNEL_FD) < 0) _exit(1);
    if (channel == CHANNEL_FD) (void)fcntl(channel, F_SETFD, 0); /* of a descriptor that is open */
    (void)close_range(CHANNEL_FD + 1, ~0U, 0);                   /* they would close in time */
    if (setenv(SPAWNER_VARIABLE, number, 1) == 0) (void)execvp(argv[0], argv);
    (void)fprintf(stderr, "postern: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(1);
}

static bool ends_within(pid_t successor, unsigned ms)
{
    const struct timespec pause = {0, LOOK_MS * 1000000L};
    for (unsigned waited = 0; waitpid(successor, NULL, WNOHANG) == 0; waited += LOOK_MS) {
        if (waited >= ms) return false;
        (void)nanosleep(&pause, NULL); /* a shorter one will do as well */
    }
    return true;
}

/* Nobody else waits for it, so that its number is nobody else's until then. */
static void end_successor(pid_t successor)
{
    if (successor <= 0 || ends_within(successor, GOING_MS)) return;
    (void)kill(successor, SIGTERM); /* as below: fails if it has another user by now */
    if (ends_within(successor, STOPPING_MS)) return;
    (void)kill(successor, SIGKILL);
    (void)ends_within(successor, STOPPING_MS);
}

static void obey(const char *order, int channel, char **argv)
{
    static pid_t successor; /* the last one that was started */
    struct err err;
    if (strncmp(order, user_order, strlen(user_order)) == 0) {
        if (!privileges_drop(order + strlen(user_order), &err)) _exit(1);
    } else if (strcmp(order, run_order) == 0 && channel >= 0) {
        successor = fork();
        if (successor == 0) become_successor(channel, argv);
    } else if (strcmp(order, end_order) == 0) {
        end_successor(successor);
        successor = 0;
    }
    if (channel >= 0) (void)close(channel); /* the successor has it */
}

static _Noreturn void serve(int fd, char **argv)
{
    char order[ORDER_ROOM];
    int channel = -1;
    size_t count = 0;
    set_signals(SIG_IGN);                        /* a terminal sends them to us all */
    (void)prctl(PR_SET_NAME, "postern-spawner"); /* for people alone */
    if (dup2(fd, CHANNEL_FD) < 0) _exit(1);
    (void)close_range(CHANNEL_FD + 1, ~0U, 0); /* nothing of theirs is to live on with us */
    for (;;) {
        count = 1;
        if (!fd_message_receive(CHANNEL_FD, order, sizeof order, &channel, &count)) _exit(0);
        obey(order, count == 1 ? channel : -1, argv);
    }
}

/* ---------------------------------------------------------------------------------------- our side
 */

void spawner_start(struct spawner *spawner, char **argv)
{
    int pair[2];
    spawner->fd = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
    pid_t child = fork();
    if (child == 0) serve(pair[1], argv);
    (void)close(pair[1]); /* it is the child's */
    if (child > 0)
        spawner->fd = pair[0];
    else
        (void)close(pair[0]); /* nobody is there */
}

void spawner_drop_privileges(struct spawner *spawner, const char *user)
{
    char order[ORDER_ROOM];
    if (spawner->fd < 0 || user == NULL) return;
    (void)snprintf(order, sizeof order, "%s%s", user_order, user);
    if (!fd_message_send(spawner->fd, order, NULL, 0)) spawner_stop(spawner);
}

bool spawner_run(struct spawner *spawner, int channel, struct err *err)
{
    if (spawner->fd < 0)
        return err_set(err, "there is no process that could start another one: restart Postern");
    if (fd_message_send(spawner->fd, run_order, &channel, 1)) return true;
    return err_set(err, "the process that starts another one is gone: restart Postern");
}

void spawner_end(struct spawner *spawner)
{
    if (spawner->fd >= 0) (void)!fd_message_send(spawner->fd, end_order, NULL, 0); /* or is gone */
}

void spawner_stop(struct spawner *spawner)
{
    if (spawner->fd >= 0) (void)close(spawner->fd); /* it ends by that */
    spawner->fd = -1;
}
