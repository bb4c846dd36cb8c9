// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/upgrade.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/control/fd_message.h"
#include "proxy/control/upgrade_words.h"

struct upgrade {
    uv_poll_t poll;
    uv_timer_t deadline;
    struct spawner *spawner;
    int fd;
    unsigned handles; /* that are not closed yet */
    upgrade_over_fn *over;
    void *arg;
};

/* ---------------------------------------------------------------------------------------- sockets
 */

struct parcel {
    int fd;
    size_t count;
    int fds[FD_MESSAGE_MOST];
    size_t length;
    char text[UPGRADE_TEXT_ROOM];
};

static bool flush(struct parcel *parcel)
{
    bool sent = parcel->count == 0 ||
                fd_message_send(parcel->fd, parcel->text, parcel->fds, parcel->count);
    parcel->count = 0;
    parcel->length = 0;
    return sent;
}

/* A line of text for each descriptor: the address that it listens on. */
static bool put(struct parcel *parcel, const char *prefix, const char *address, int fd)
{
    size_t need = strlen(prefix) + strlen(address) + 2;
    if (parcel->count == FD_MESSAGE_MOST || parcel->length + need > sizeof parcel->text)
        if (!flush(parcel)) return false;
    parcel->length += (size_t)snprintf(parcel->text + parcel->length,
                                       sizeof parcel->text - parcel->length, "%s%s\n", prefix,
                                       address);
    parcel->fds[parcel->count++] = fd;
    return true;
}

static bool hand_over(int fd, const struct upgrade_sockets *sockets)
{
    struct parcel parcel = {.fd = fd};
    const struct inherited *inherited = sockets->inherited;
    bool good = true;
    for (size_t i = 0; good && i < sockets->doors->count; i++)
        for (size_t j = 0; good && j < sockets->doors->items[i].count; j++)
            good = put(&parcel, "", sockets->doors->items[i].address,
                       sockets->doors->items[i].fds[j]);
    for (size_t i = 0; good && i < inherited->count; i++)
        if (doors_find(sockets->doors, inherited->items[i].address) == NULL)
            good = put(&parcel, "", inherited->items[i].address, inherited->items[i].fd);
    if (good && sockets->admin_fd >= 0)
        good = put(&parcel, UPGRADE_ADMIN, sockets->admin_address, sockets->admin_fd);
    return good && flush(&parcel) && fd_message_send(fd, UPGRADE_END, NULL, 0);
}

/* -------------------------------------------------------------------------------------- successor
 */

static void on_closed(uv_handle_t *handle)
{
    struct upgrade *upgrade = handle->data;
    if (--upgrade->handles == 0) free(upgrade);
}

static void end(struct upgrade *upgrade)
{
    uv_close((uv_handle_t *)&upgrade->poll, on_closed);
    uv_close((uv_handle_t *)&upgrade->deadline, on_closed);
    (void)close(upgrade->fd); /* all has been said */
}

/* A successor that hangs must not keep the sockets: clients whom nobody accepts would wait there.
 */
static void give_up(struct upgrade *upgrade)
{
    spawner_end(upgrade->spawner);
    end(upgrade);
}

static void fail(struct upgrade *upgrade, const char *why)
{
    log_event(LOG_ERROR, "not upgraded, this process goes on", why);
    give_up(upgrade);
    upgrade->over(upgrade->arg, false);
}

static void on_word(uv_poll_t *poll, int status, int events)
{
    struct upgrade *upgrade = CONTAINER_OF(poll, struct upgrade, poll);
    char word[UPGRADE_TEXT_ROOM];
    size_t none = 0;
    struct log_line line;
    (void)status; /* receiving says it better */
    (void)events;
    if (!fd_message_receive(upgrade->fd, word, sizeof word, NULL, &none)) {
        fail(upgrade, "the new process ended before it was ready; it said why where standard error "
                      "goes");
    } else if (strncmp(word, UPGRADE_READY, strlen(UPGRADE_READY)) != 0) {
        fail(upgrade, word);
    } else if (!fd_message_send(upgrade->fd, UPGRADE_GO, NULL, 0)) {
        fail(upgrade, "the new process ended when it was ready");
    } else {
        log_begin(&line, LOG_INFO, "handed over to a new process");
        log_number(&line, "pid", strtoll(word + strlen(UPGRADE_READY), NULL, 10));
        log_end(&line);
        end(upgrade);
        upgrade->over(upgrade->arg, true);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    fail(CONTAINER_OF(timer, struct upgrade, deadline),
         "the new process was not ready within upgrade_timeout, and is ended");
}

static bool begin(struct upgrade *upgrade, uv_loop_t *loop, struct spawner *spawner,
                  const struct upgrade_sockets *sockets, uint64_t timeout_ms, struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return err_set(err, "no descriptor is left to speak with a new process by");
    bool good = spawner_run(spawner, pair[1], err) &&
                (hand_over(pair[0], sockets) || err_set(err, "the new process takes no sockets"));
    (void)close(pair[1]); /* it is the successor's */
    if (!good || uv_poll_init(loop, &upgrade->poll, pair[0]) != 0) {
        spawner_end(spawner);
        (void)close(pair[0]); /* the successor ends by that, if it does not hang */
        return false;
    }
    upgrade->fd = pair[0];
    upgrade->handles = 2;
    (void)uv_timer_init(loop, &upgrade->deadline); /* these always 0 */
    upgrade->poll.data = upgrade->deadline.data = upgrade;
    (void)uv_timer_start(&upgrade->deadline, on_deadline, timeout_ms, 0);
    (void)uv_poll_start(&upgrade->poll, UV_READABLE, on_word);
    return true;
}

struct upgrade *upgrade_start(uv_loop_t *loop, struct spawner *spawner,
                              const struct upgrade_sockets *sockets, uint64_t timeout_ms,
                              upgrade_over_fn *over, void *arg)
{
    struct err err = {"out of memory"};
    struct upgrade *upgrade = calloc(1, sizeof *upgrade);
    if (upgrade != NULL) {
        upgrade->over = over;
        upgrade->arg = arg;
        upgrade->spawner = spawner;
        if (begin(upgrade, loop, spawner, sockets, timeout_ms, &err)) return upgrade;
    }
    free(upgrade);
    log_event(LOG_ERROR, "not upgraded, this process goes on", err.text);
    return NULL;
}

void upgrade_stop(struct upgrade *upgrade)
{
    if (upgrade == NULL) return;
    log_event(LOG_ERROR, "not upgraded", "this process ends before the new one was ready");
    give_up(upgrade);
}
