// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/connect.h"
#include "broker/deliver.h"
#include "broker/hold.h"
#include "broker/internal.h"
#include "broker/leave.h"
#include "broker/receive.h"
#include "broker/topic_aliases.h"
#include "mqtt/frame.h"
#include "mqtt/reason.h"

enum { WRITE_BUFFERS = 64 };

#define FROM(state) (1U << (state))

struct stage {
    unsigned entered_from;
    uint64_t deadline_ms; /* 0: none, or the keep alive */
};

static const struct stage stages[] = {
    [CLIENT_AWAIT_CONNECT] = {FROM(CLIENT_OPENING),                                     CLIENT_CONNECT_TIMEOUT_MS},
    [CLIENT_AWAIT_LOGIN] = {FROM(CLIENT_AWAIT_CONNECT),                               LOGIN_TIMEOUT_MS         },
    [CLIENT_AWAIT_PACKETS] = {FROM(CLIENT_AWAIT_CONNECT) | FROM(CLIENT_AWAIT_LOGIN),    0                        },
    [CLIENT_AWAIT_END] = {FROM(CLIENT_AWAIT_CONNECT) | FROM(CLIENT_AWAIT_LOGIN) |
                              FROM(CLIENT_AWAIT_PACKETS),
                              CLIENT_END_TIMEOUT_MS                                                              },
    [CLIENT_AWAIT_CLOSE] = {FROM(CLIENT_OPENING) | FROM(CLIENT_AWAIT_CONNECT) |
                                FROM(CLIENT_AWAIT_LOGIN) | FROM(CLIENT_AWAIT_PACKETS) |
                                FROM(CLIENT_AWAIT_END),
                              0                                                                                  },
};

static void on_deadline(struct timer *timer)
{
    struct client *client = CONTAINER_OF(timer, struct client, deadline);
    if (client->state == CLIENT_AWAIT_LOGIN) {
        login_cancel(client);
        connect_logged_in(client, LOGIN_BUSY);
        return;
    }
    if (client->state != CLIENT_AWAIT_PACKETS) {
        client_close(client);
        return;
    }
    uint64_t silent_ms = broker_now(client->broker) - client->last_read_ms;
    if (silent_ms >= client->keep_alive_ms)
        leave_told(client, MQTT_REASON_KEEP_ALIVE_TIMEOUT);
    else
        broker_set_timer(client->broker, timer, client->keep_alive_ms - silent_ms, on_deadline);
}

static void enter(struct client *client, enum client_state state)
{
    uint64_t deadline_ms = stages[state].deadline_ms;
    assert((stages[state].entered_from & FROM(client->state)) != 0);
    client->state = (uint8_t)state;
    if (state == CLIENT_AWAIT_PACKETS) deadline_ms = client->keep_alive_ms;
    timer_clear(&client->deadline);
    hold_release(client);
    if (deadline_ms != 0)
        broker_set_timer(client->broker, &client->deadline, deadline_ms, on_deadline);
}

static void unread_clear(struct client *client)
{
    struct unread *unread = client->unread;
    if (unread != NULL && unread->holds_connect) explicit_bzero(unread->data, unread->room);
    free(unread);
    client->unread = NULL;
}

static void client_free(struct client *client)
{
    *client->link = client->next;
    if (client->next != NULL) client->next->link = client->link;
    client->broker->clients_count--;
    outbox_clear(&client->outbox);
    unread_clear(client);
    receive_clear_aliases(client);
    free(client->user);
    topic_aliases_free(client->sent_aliases);
    free(client);
}

void client_free_closed(struct broker *broker)
{
    bool freed = broker->closed != NULL;
    while (broker->closed != NULL) {
        struct client *client = broker->closed;
        broker->closed = client->next_dirty;
        client_free(client);
    }
    if (freed) broker_client_gone(broker);
}

static void forget_dirty(struct client *client)
{
    struct client **at = &client->broker->dirty;
    while (client->dirty && *at != client)
        at = &(*at)->next_dirty;
    if (client->dirty) *at = client->next_dirty;
    client->dirty = false;
}

void client_close(struct client *client)
{
    assert(client->session == NULL);
    if (client->state == CLIENT_AWAIT_CLOSE) return;
    enter(client, CLIENT_AWAIT_CLOSE);
    login_cancel(client);
    forget_dirty(client);
    poller_drop(&client->broker->poller, &client->socket);
    client->next_dirty = client->broker->closed;
    client->broker->closed = client;
}

static bool takes_packets(struct client *client)
{
    if (client->state == CLIENT_AWAIT_CONNECT) return true;
    if (client->state == CLIENT_AWAIT_LOGIN) return client->answered != LOGIN_UNKNOWN;
    if (client->state != CLIENT_AWAIT_PACKETS || client->hold != NULL) return false;
    if (client->answers >= CLIENT_OUTBOX_HIGH) client_write(client);
    return client->answers < CLIENT_OUTBOX_HIGH && !client->failed;
}

/* Handles the next packet and returns its length; 0: it is not whole, or not to be had. */
static size_t handle_packet(struct client *client, const uint8_t *data, size_t length)
{
    struct mqtt_frame frame;
    if (client->state < CLIENT_AWAIT_PACKETS) return connect_receive(client, data, length);
    enum mqtt_status status = mqtt_frame_decode_in(&frame, client->version, data, length);
    if (status == MQTT_NEED_MORE) return 0;
    size_t whole = frame.header_length + frame.remaining_length;
    if (status == MQTT_OK && whole > client->broker->limits.max_packet_size)
        status = MQTT_TOO_LARGE;
    if (status != MQTT_OK) {
        receive_refuse(client, status);
        return 0;
    }
    if (whole > length) return 0;
    receive_packet(client, &frame, data, whole);
    return whole;
}

static size_t handle_packets(struct client *client, const uint8_t *data, size_t length)
{
    size_t used = 0;
    while (used < length && takes_packets(client)) {
        size_t taken = handle_packet(client, data + used, length - used);
        if (taken == 0) break;
        used += taken;
        client->broker->counters.messages_received++;
    }
    return used;
}

/* Gives what is unread more room. Where a password may be it is copied by hand, for realloc would
 * leave the old one behind as it is. */
static bool grow_unread(struct client *client, size_t room)
{
    struct unread *before = client->unread;
    size_t length = before == NULL ? 0 : before->length;
    bool holds_connect = client->state < CLIENT_AWAIT_PACKETS ||
                         (before != NULL && before->holds_connect);
    struct unread *grown = NULL;
    if (holds_connect) {
        grown = malloc(sizeof *grown + room);
        if (grown != NULL && length > 0) memcpy(grown->data, before->data, length);
        if (grown != NULL) unread_clear(client);
    } else {
        grown = realloc(before, sizeof *grown + room);
    }
    if (grown == NULL) return false;
    grown->length = length;
    grown->room = room;
    grown->holds_connect = holds_connect;
    client->unread = grown;
    return true;
}

/* Appends to what is unread. Grows with what has come, not with what a header claims. */
static bool keep_unread(struct client *client, const uint8_t *data, size_t length)
{
    size_t before = client->unread == NULL ? 0 : client->unread->length;
    size_t room = client->unread == NULL ? 0 : client->unread->room;
    if (length > room - before) {
        room = 2 * room > before + length ? 2 * room : before + length;
        if (!grow_unread(client, room)) return false;
    }
    memcpy(client->unread->data + before, data, length);
    client->unread->length = before + length;
    return true;
}

/* Handles what is unread as far as it goes. */
static void handle_unread(struct client *client)
{
    struct unread *unread = client->unread;
    if (unread == NULL) return;
    size_t used = handle_packets(client, unread->data, unread->length);
    unread->length -= used;
    if (client->state >= CLIENT_AWAIT_END || unread->length == 0)
        unread_clear(client);
    else if (used != 0)
        memmove(unread->data, unread->data + used, unread->length);
}

static void feed(struct client *client, const uint8_t *data, size_t length)
{
    bool direct = client->unread == NULL;
    size_t used = direct ? handle_packets(client, data, length) : 0;
    if (client->state >= CLIENT_AWAIT_END || used == length) return;
    if (!keep_unread(client, data + used, length - used)) {
        leave_lost(client);
        return;
    }
    if (!direct) handle_unread(client);
}

/* What is waited for has changed. */
static void watch(struct client *client)
{
    unsigned events = (client->reading ? (unsigned)POLLER_READ : 0) |
                      (client->writing ? (unsigned)POLLER_WRITE : 0);
    if (!poller_watch(&client->broker->poller, &client->socket, events)) client->failed = true;
    if (client->failed) client_touch(client);
}

static void read_stop(struct client *client)
{
    client->reading = false;
    watch(client);
}

static void read_start(struct client *client)
{
    if (client->reading || client->state == CLIENT_AWAIT_CLOSE) return;
    client->reading = true;
    watch(client);
}

static void on_readable(struct client *client)
{
    char *buffer = client->broker->read_buffer;
    ssize_t length = recv(client->socket.fd, buffer, BROKER_READ_BYTES, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        leave_lost(client);
        return;
    }
    if (client->state == CLIENT_AWAIT_END) return;
    client->last_read_ms = broker_now(client->broker);
    client->broker->counters.bytes_received += (uint64_t)length;
    feed(client, (const uint8_t *)buffer, (size_t)length);
    if (client->state >= CLIENT_AWAIT_END || takes_packets(client)) return;
    read_stop(client);
    if (client->state == CLIENT_AWAIT_PACKETS) client_touch(client);
}

void client_ready(struct polled *socket, unsigned events)
{
    struct client *client = CONTAINER_OF(socket, struct client, socket);
    if (events & POLLER_WRITE) {
        client->writing = false;
        watch(client);
        client_touch(client);
    }
    if (events & POLLER_READ) on_readable(client);
}

static void advance(struct client *client, size_t written)
{
    outbox_advance(&client->outbox, written);
    client->broker->counters.bytes_sent += written;
    if (client->answers > client->outbox.bytes) client->answers = (uint32_t)client->outbox.bytes;
}

/* Writes what the socket takes of these; -1: it has failed. */
static ssize_t write_some(const struct client *client, const uv_buf_t *buffers, unsigned count)
{
    struct iovec parts[WRITE_BUFFERS];
    for (unsigned i = 0; i < count; i++)
        parts[i] = (struct iovec){buffers[i].base, buffers[i].len};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t written = sendmsg(client->socket.fd, &message, MSG_NOSIGNAL);
    return written < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : written;
}

void client_write(struct client *client)
{
    uv_buf_t buffers[WRITE_BUFFERS];
    while (!client->writing && !client->failed && client->outbox.bytes != 0) {
        unsigned count = outbox_peek(&client->outbox, buffers, WRITE_BUFFERS);
        ssize_t written = write_some(client, buffers, count);
        client->failed = written < 0;
        client->writing = written == 0; /* full: on with it when there is room again */
        if (written > 0) advance(client, (size_t)written);
        if (client->writing) watch(client);
    }
    if (client->failed) client_touch(client);
}

void client_flush(struct client *client)
{
    client_write(client);
    while (client->state == CLIENT_AWAIT_PACKETS && !client->failed &&
           !client_is_backlogged(client) && deliver_waiting(client))
        client_write(client);
    if (client->failed) {
        leave_lost(client);
        return;
    }
    if (client->state == CLIENT_AWAIT_END && client->outbox.bytes == 0 && !client->shut) {
        client->shut = true;
        (void)shutdown(client->socket.fd, SHUT_WR); /* or the deadline ends it */
    }
    if (client->state >= CLIENT_AWAIT_END || client->reading || !takes_packets(client)) return;
    handle_unread(client);
    if (client->state == CLIENT_AWAIT_PACKETS && takes_packets(client)) read_start(client);
}

void client_touch(struct client *client)
{
    if (client->dirty || client->state == CLIENT_AWAIT_CLOSE) return;
    client->dirty = true;
    client->next_dirty = client->broker->dirty;
    client->broker->dirty = client;
}

bool client_is_backlogged(const struct client *client)
{
    return client->outbox.bytes >= CLIENT_OUTBOX_HIGH;
}

void client_await_login(struct client *client)
{
    enter(client, CLIENT_AWAIT_LOGIN);
}

void client_connected(struct client *client, uint32_t keep_alive_ms)
{
    client->keep_alive_ms = keep_alive_ms;
    enter(client, CLIENT_AWAIT_PACKETS);
}

void client_end(struct client *client)
{
    assert(client->session == NULL);
    if (client->state >= CLIENT_AWAIT_END) return;
    enter(client, CLIENT_AWAIT_END);
    read_start(client); /* what comes is thrown away: unread bytes would make the close a reset */
    client_touch(client);
}

static bool has_room(const struct broker *broker)
{
    return !broker->stopping &&
           broker->clients_count < broker->limits.max_sessions + BROKER_SPARE_CONNECTIONS;
}

static struct client *client_new(struct broker *broker, int fd)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    client->socket.fd = fd;
    client->broker = broker;
    outbox_init(&client->outbox, &broker->pool);
    client->next = broker->clients;
    client->link = &broker->clients;
    if (client->next != NULL) client->next->link = &client->next;
    broker->clients = client;
    broker->clients_count++;
    broker->counters.sockets++;
    client->last_read_ms = broker_now(broker);
    return client;
}

bool client_open(struct broker *broker, int fd, const char *identity)
{
    static const int on = 1;
    struct client *client = NULL;
    bool ready = fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
    if (ready && has_room(broker)) client = client_new(broker, fd);
    if (client == NULL) {
        (void)close(fd); /* nothing was written to it */
        return false;
    }
    /* Not for unix sockets; without it TCP is slower, but it works. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (identity != NULL) client->user = login_user_new(span_of(identity), true);
    enter(client, CLIENT_AWAIT_CONNECT);
    read_start(client);
    return true;
}
