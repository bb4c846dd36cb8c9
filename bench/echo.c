// SPDX-License-Identifier: GPL-3.0-or-later
/* bench/echo PORT: the cheapest broker there can be, behind whatever is measured: it answers a
 * CONNECT with a CONNACK, sends everything else back, and closes after a DISCONNECT. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"
#include "bench/unsent.h"
#include "mqtt/frame.h"

enum { BUFFER_BYTES = 1 << 18, LONGEST_CONNECT = 512, MOST_EVENTS = 256 };

struct client {
    int fd;
    bool greeted;
    struct unsent unsent; /* nothing is read while there is any */
    size_t connect_length;
    uint8_t connect[LONGEST_CONNECT]; /* as far as it has come */
};

static uint8_t buffer[BUFFER_BYTES];

static void drop(struct client *client)
{
    (void)close(client->fd); /* nothing is left to say */
    unsent_clear(&client->unsent);
    free(client);
}

static void watch(int epoll, int operation, struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    CHECK(epoll_ctl(epoll, operation, client->fd, &event) == 0);
}

static bool send_back(int epoll, struct client *client, const uint8_t *data, size_t length)
{
    if (!unsent_send(&client->unsent, client->fd, (struct span){data, length})) return false;
    if (client->unsent.length > 0) watch(epoll, EPOLL_CTL_MOD, client, EPOLLOUT);
    return true;
}

static bool send_unsent(int epoll, struct client *client)
{
    if (!unsent_go_on(&client->unsent, client->fd)) return false;
    if (client->unsent.length == 0) watch(epoll, EPOLL_CTL_MOD, client, EPOLLIN);
    return true;
}

static bool greet(int epoll, struct client *client, size_t length)
{
    static const uint8_t connack[] = {MQTT_CONNACK << 4, 2, 0, 0};
    static const uint8_t connack_5[] = {MQTT_CONNACK << 4, 3, 0, 0, 0};
    struct mqtt_frame frame;
    if (client->connect_length + length > LONGEST_CONNECT) return false;
    memcpy(client->connect + client->connect_length, buffer, length);
    client->connect_length += length;
    enum mqtt_status status = mqtt_frame_decode(&frame, client->connect, client->connect_length);
    size_t whole = frame.header_length + frame.remaining_length;
    if (status == MQTT_NEED_MORE || (status == MQTT_OK && client->connect_length < whole))
        return true;
    if (status != MQTT_OK || whole < 10) return false;
    client->greeted = true;
    bool is_5 = client->connect[frame.header_length + 6] == MQTT_5;
    return send_back(epoll, client, is_5 ? connack_5 : connack,
                     is_5 ? sizeof connack_5 : sizeof connack) &&
           (client->connect_length == whole ||
            send_back(epoll, client, client->connect + whole, client->connect_length - whole));
}

/* As clients send it: the last thing, by itself. */
static bool is_disconnect(size_t length)
{
    return length == 2 && buffer[0] == MQTT_DISCONNECT << 4 && buffer[1] == 0;
}

static void serve(int epoll, struct client *client)
{
    if (client->unsent.length > 0) {
        if (!send_unsent(epoll, client)) drop(client);
        return;
    }
    ssize_t length = recv(client->fd, buffer, sizeof buffer, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0 || is_disconnect((size_t)length) ||
        !(client->greeted ? send_back(epoll, client, buffer, (size_t)length)
                          : greet(epoll, client, (size_t)length)))
        drop(client);
}

static void take_all(int epoll, int listener)
{
    const int on = 1;
    int fd = -1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        CHECK(client != NULL);
        client->fd = fd;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* slower without */
        watch(epoll, EPOLL_CTL_ADD, client, EPOLLIN);
    }
}

static int listen_on(uint16_t port)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4096) == 0)
        return fd;
    perror("echo: cannot listen");
    exit(1);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct epoll_event events[MOST_EVENTS];
    struct epoll_event accepting = {.events = EPOLLIN, .data.ptr = NULL};
    if (argc != 2) return 2;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* a client too many is seen by the load */
    }
    int listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &accepting) == 0);
    for (;;) {
        int count = epoll_wait(epoll, events, MOST_EVENTS, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr == NULL)
                take_all(epoll, listener);
            else
                serve(epoll, events[i].data.ptr);
    }
}
