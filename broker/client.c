// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/connect.h"
#include "broker/deliver.h"
#include "broker/hold.h"
#include "broker/internal.h"
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
        connect_end(client, MQTT_REASON_KEEP_ALIVE_TIMEOUT);
    else
        broker_set_timer(client->broker, timer, client->keep_alive_ms - silent_ms, on_deadline);
}

static void enter(struct client *client, enum client_state state)
{
    uint64_t deadline_ms = stages[state].deadline_ms;
    assert((stages[state].entered_from & FROM(client->state)) != 0);
    client->state = state;
    if (state == CLIENT_AWAIT_PACKETS) deadline_ms = client->keep_alive_ms;
    timer_clear(&client->deadline);
    hold_release(client);
    if (deadline_ms != 0)
        broker_set_timer(client->broker, &client->deadline, deadline_ms, on_deadline);
}

static void unread_clear(struct unread *unread)
{
    free(unread->data);
    *unread = (struct unread){0};
}

static void on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct broker *broker = client->broker;
    *client->link = client->next;
    if (client->next != NULL) client->next->link = client->link;
    broker->clients_count--;
    outbox_clear(&client->outbox);
    unread_clear(&client->unread);
    receive_clear_aliases(client);
    free(client->identity);
    free(client->user);
    topic_aliases_free(client->sent_aliases);
    free(client);
    broker_client_gone(broker);
}

/* It may still be in the list of those that are dirty: that list is empty before the loop closes
 * handles only if it is taken out here. */
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
    uv_close(&client->socket.handle, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(client->broker->read_buffer, BROKER_READ_BYTES);
}

static bool takes_packets(struct client *client)
{
    if (client->state == CLIENT_AWAIT_CONNECT) return true;
    if (client->state == CLIENT_AWAIT_LOGIN) return client->answered != LOGIN_UNKNOWN;
    if (client->state != CLIENT_AWAIT_PACKETS || client->held_for != NULL) return false;
    if (client->answers >= CLIENT_OUTBOX_HIGH) client_write(client);
    return client->answers < CLIENT_OUTBOX_HIGH && !client->failed;
}

/* Handles the next packet and returns its length; 0: it is not whole, or not to be had. */
static size_t handle_packet(struct client *client, const uint8_t *data, size_t length)
{
    struct mqtt_frame frame;
    if (client->state < CLIENT_AWAIT_PACKETS) return connect_receive(client, data, length);
    enum mqtt_status status = mqtt_frame_decode(&frame, data, length);
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

/* Appends to what is unread. Grows with what has come, not with what a header claims. */
static bool keep_unread(struct unread *unread, const uint8_t *data, size_t length)
{
    if (length > unread->room - unread->length) {
        size_t room = 2 * unread->room;
        if (room < unread->length + length) room = unread->length + length;
        uint8_t *grown = realloc(unread->data, room);
        if (grown == NULL) return false;
        unread->data = grown;
        unread->room = room;
    }
    memcpy(unread->data + unread->length, data, length);
    unread->length += length;
    return true;
}

/* Handles what is unread as far as it goes. */
static void handle_unread(struct client *client)
{
    struct unread *unread = &client->unread;
    size_t used = handle_packets(client, unread->data, unread->length);
    unread->length -= used;
    if (client->state >= CLIENT_AWAIT_END || unread->length == 0)
        unread_clear(unread);
    else if (used != 0)
        memmove(unread->data, unread->data + used, unread->length);
}

static void feed(struct client *client, const uint8_t *data, size_t length)
{
    bool direct = client->unread.length == 0;
    size_t used = direct ? handle_packets(client, data, length) : 0;
    if (client->state >= CLIENT_AWAIT_END || used == length) return;
    if (!keep_unread(&client->unread, data + used, length - used)) {
        connect_lost(client);
        return;
    }
    if (!direct) handle_unread(client);
}

static void read_stop(struct client *client)
{
    if (client->reading) (void)uv_read_stop(&client->socket.stream); /* always 0 */
    client->reading = false;
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    if (length == 0 || client->state == CLIENT_AWAIT_CLOSE) return;
    if (length < 0) {
        connect_lost(client);
        return;
    }
    if (client->state == CLIENT_AWAIT_END) return;
    client->last_read_ms = broker_now(client->broker);
    client->broker->counters.bytes_received += (uint64_t)length;
    feed(client, (const uint8_t *)buffer->base, (size_t)length);
    if (client->state >= CLIENT_AWAIT_END || takes_packets(client)) return;
    read_stop(client);
    if (client->state == CLIENT_AWAIT_PACKETS) client_touch(client);
}

static void read_start(struct client *client)
{
    if (client->reading || client->state == CLIENT_AWAIT_CLOSE) return;
    client->reading = uv_read_start(&client->socket.stream, on_alloc, on_read) == 0;
    if (!client->reading) connect_lost(client);
}

static void advance(struct client *client, size_t written)
{
    outbox_advance(&client->outbox, written);
    client->broker->counters.bytes_sent += written;
    if (client->answers > client->outbox.bytes) client->answers = client->outbox.bytes;
}

static void on_written(uv_write_t *request, int status)
{
    struct client *client = request->data;
    client->writing = false;
    if (client->state == CLIENT_AWAIT_CLOSE) return;
    if (status != 0) {
        connect_lost(client);
        return;
    }
    advance(client, client->write_bytes);
    client_touch(client);
}

/* The socket is full: libuv writes the rest when it is not, and tells. */
static void write_later(struct client *client, const uv_buf_t *buffers, unsigned count)
{
    client->write_bytes = 0;
    for (unsigned i = 0; i < count; i++)
        client->write_bytes += buffers[i].len;
    client->write.data = client;
    client->writing = uv_write(&client->write, &client->socket.stream, buffers, count,
                               on_written) == 0;
    client->failed = !client->writing;
}

void client_write(struct client *client)
{
    uv_buf_t buffers[WRITE_BUFFERS];
    while (!client->writing && !client->failed && client->outbox.bytes != 0) {
        unsigned count = outbox_peek(&client->outbox, buffers, WRITE_BUFFERS);
        int written = uv_try_write(&client->socket.stream, buffers, count);
        if (written == UV_EAGAIN)
            write_later(client, buffers, count);
        else if (written < 0)
            client->failed = true;
        else
            advance(client, (size_t)written);
    }
    if (client->failed) client_touch(client);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    (void)request;
    (void)status; /* the peer's end or the deadline closes it, either way */
}

void client_flush(struct client *client)
{
    client_write(client);
    while (client->state == CLIENT_AWAIT_PACKETS && !client->failed &&
           !client_is_backlogged(client) && deliver_waiting(client))
        client_write(client);
    if (client->failed) {
        connect_lost(client);
        return;
    }
    if (client->state == CLIENT_AWAIT_END && client->outbox.bytes == 0 && !client->shut) {
        client->shut = true;
        (void)uv_shutdown(&client->shutdown, &client->socket.stream, on_shut); /* or the deadline */
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

void client_connected(struct client *client, uint64_t keep_alive_ms)
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

static struct client *client_new(struct broker *broker, bool unix_socket)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) return NULL;
    /* Neither can fail: they open no socket. */
    if (unix_socket)
        (void)uv_pipe_init(broker->loop, &client->socket.pipe, 0);
    else
        (void)uv_tcp_init(broker->loop, &client->socket.tcp);
    client->socket.handle.data = client;
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

static void start(struct client *client, bool unix_socket)
{
    if (!unix_socket) (void)uv_tcp_nodelay(&client->socket.tcp, 1); /* slower, but it works */
    enter(client, CLIENT_AWAIT_CONNECT);
    read_start(client);
}

bool client_open(struct broker *broker, int fd, const char *identity)
{
    int domain = AF_UNSPEC;
    socklen_t length = sizeof domain;
    bool known = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0;
    struct client *client = NULL;
    if (known && has_room(broker)) client = client_new(broker, domain == AF_UNIX);
    if (client == NULL) {
        (void)close(fd); /* nothing was written to it */
        return false;
    }
    client->identity = identity == NULL ? NULL : strdup(identity); /* no memory: as without one */
    bool unix_socket = domain == AF_UNIX;
    int failed = unix_socket ? uv_pipe_open(&client->socket.pipe, fd)
                             : uv_tcp_open(&client->socket.tcp, fd);
    if (failed != 0) {
        (void)close(fd);
        client_close(client);
        return false;
    }
    start(client, unix_socket);
    return true;
}

void client_accept(struct broker *broker, uv_stream_t *server, bool unix_socket)
{
    struct client *client = client_new(broker, unix_socket);
    if (client == NULL) return; /* no memory: libuv keeps the connection, and listens no more */
    if (uv_accept(server, &client->socket.stream) != 0 || !has_room(broker)) {
        client_close(client);
        return;
    }
    start(client, unix_socket);
}
