// SPDX-License-Identifier: GPL-3.0-or-later
/* Load for a plaintext broker on loopback, and what it costs the broker:
 *
 *   broker_load PORT PID GROUPS SUBSCRIBERS QOS BYTES WINDOW SECONDS
 *
 * In each group one client publishes to SUBSCRIBERS others, with at most WINDOW messages on their
 * way; without QOS etc. (GROUPS clients, SUBSCRIBERS 0) the clients only stay. One line comes out:
 * deliveries a second, processor time of process PID for each delivery, and its memory. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"

enum { ROOM = 256 * 1024, KEEP = 600 };

struct group;

struct peer {
    int fd;
    bool publishes;
    struct group *group;
    uint8_t *in; /* what is no whole packet yet */
    size_t in_length;
    uint8_t *out;
    size_t out_length;
    size_t out_room;
};

struct group {
    struct peer *publisher;
    uint64_t sent;
    uint64_t acknowledged;
    uint64_t delivered;
};

struct load {
    unsigned port;
    unsigned pid;
    unsigned groups;
    unsigned subscribers;
    unsigned qos;
    unsigned bytes;
    unsigned window;
    unsigned seconds;
    int poll;
    bool measuring;    /* all are connected */
    uint64_t answered; /* CONNACK and SUBACK */
    uint64_t delivered;
    struct group *group;
    uint8_t *publish; /* the packet without topic */
};

static double now_s(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail for this clock */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double processor_s(unsigned pid)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%u/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    int found = fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                       &user, &system);
    (void)fclose(file); /* it was only read */
    return found == 2 ? (double)(user + system) / (double)sysconf(_SC_CLK_TCK) : 0;
}

static unsigned long memory_kb(unsigned pid, const char *name)
{
    char path[64];
    char line[256];
    unsigned long value = 0;
    (void)snprintf(path, sizeof path, "/proc/%u/status", pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoul(line + strlen(name) + 1, NULL, 10);
    if (file != NULL) (void)fclose(file); /* it was only read */
    return value;
}

static void put(struct peer *peer, const void *data, size_t length)
{
    if (peer->out_length + length > peer->out_room) {
        peer->out_room = 2 * (peer->out_length + length);
        peer->out = realloc(peer->out, peer->out_room);
        CHECK(peer->out != NULL);
    }
    memcpy(peer->out + peer->out_length, data, length);
    peer->out_length += length;
}

static void flush(const struct load *load, struct peer *peer)
{
    size_t written = 0;
    while (written < peer->out_length) {
        ssize_t now = write(peer->fd, peer->out + written, peer->out_length - written);
        if (now < 0) break;
        written += (size_t)now;
    }
    CHECK(written == peer->out_length || errno == EAGAIN);
    peer->out_length -= written;
    if (peer->out_length != 0) memmove(peer->out, peer->out + written, peer->out_length);
    struct epoll_event event = {.events = EPOLLIN | (peer->out_length != 0 ? EPOLLOUT : 0U),
                                .data.ptr = peer};
    if (written != 0 && peer->out_length == 0) return;
    (void)epoll_ctl(load->poll, EPOLL_CTL_MOD, peer->fd, &event); /* it is in there */
}

static void put_ack(struct peer *peer, unsigned type, const uint8_t *packet_id)
{
    const uint8_t ack[4] = {(uint8_t)(type << 4 | (type == 6 ? 2 : 0)), 2, packet_id[0],
                            packet_id[1]};
    put(peer, ack, sizeof ack);
}

static size_t put_length(uint8_t *out, size_t length)
{
    size_t at = 0;
    do {
        out[at] = length & 0x7f;
        length >>= 7;
        if (length != 0) out[at] |= 0x80;
        at++;
    } while (length != 0);
    return at;
}

static void publish(struct load *load, struct group *group)
{
    uint8_t head[32];
    char topic[16];
    size_t topic_length = (size_t)snprintf(topic, sizeof topic, "load/%u",
                                           (unsigned)(group - load->group));
    size_t id_length = load->qos == 0 ? 0 : 2;
    size_t at = 1 + put_length(head + 1, 2 + topic_length + id_length + load->bytes);
    head[0] = (uint8_t)(0x30 | load->qos << 1);
    head[at++] = 0;
    head[at++] = (uint8_t)topic_length;
    memcpy(head + at, topic, topic_length);
    at += topic_length;
    uint16_t packet_id = (uint16_t)(1 + group->sent % 65535);
    if (load->qos != 0) {
        head[at++] = (uint8_t)(packet_id >> 8);
        head[at++] = (uint8_t)packet_id;
    }
    put(group->publisher, head, at);
    put(group->publisher, load->publish, load->bytes);
    group->sent++;
    if (load->qos == 0) group->acknowledged++;
}

static void pump(struct load *load, struct group *group)
{
    uint64_t most = (uint64_t)load->window * load->subscribers;
    if (!load->measuring) return;
    while (group->sent * load->subscribers < group->delivered + most &&
           group->sent - group->acknowledged < load->window)
        publish(load, group);
    if (group->publisher->out_length != 0) flush(load, group->publisher);
}

static void take(struct load *load, struct peer *peer, const uint8_t *packet, size_t head)
{
    unsigned type = packet[0] >> 4;
    const uint8_t *body = packet + head;
    unsigned qos = packet[0] >> 1 & 3;
    if (type == 2 || type == 9) load->answered++;
    if (type == 3) {
        const uint8_t *id = body + 2 + (body[0] << 8 | body[1]);
        load->delivered++;
        peer->group->delivered++;
        if (qos != 0) put_ack(peer, qos == 1 ? 4 : 5, id);
    }
    if (type == 5) put_ack(peer, 6, body);
    if (type == 6) put_ack(peer, 7, body);
    if (peer->publishes && (type == 4 || type == 7)) peer->group->acknowledged++;
}

/* Handles whole packets; returns their length. */
static size_t take_all(struct load *load, struct peer *peer, const uint8_t *data, size_t length)
{
    size_t at = 0;
    for (;;) {
        size_t remaining = 0;
        size_t head = 1;
        for (; at + head < length && head < 5; head++) {
            remaining |= (size_t)(data[at + head] & 0x7f) << (7 * (head - 1));
            if (!(data[at + head] & 0x80)) break;
        }
        if (at + head >= length || at + head + 1 + remaining > length) return at;
        take(load, peer, data + at, head + 1);
        at += head + 1 + remaining;
    }
}

static void on_readable(struct load *load, struct peer *peer)
{
    static uint8_t buffer[ROOM];
    memcpy(buffer, peer->in, peer->in_length);
    ssize_t got = read(peer->fd, buffer + peer->in_length, sizeof buffer - peer->in_length);
    if (got < 0 && errno == EAGAIN) return;
    CHECK(got > 0);
    size_t length = peer->in_length + (size_t)got;
    size_t used = take_all(load, peer, buffer, length);
    peer->in_length = length - used;
    if (peer->in_length != 0) {
        peer->in = realloc(peer->in, peer->in_length);
        CHECK(peer->in != NULL);
        memcpy(peer->in, buffer + used, peer->in_length);
    }
    if (peer->out_length != 0) flush(load, peer);
    pump(load, peer->group);
}

static void turn(struct load *load, int wait_ms)
{
    struct epoll_event events[256];
    int count = epoll_wait(load->poll, events, ARRAY_LENGTH(events), wait_ms);
    for (int i = 0; i < count; i++) {
        struct peer *peer = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) flush(load, peer);
        if (events[i].events & ~(uint32_t)EPOLLOUT) on_readable(load, peer);
    }
}

static void await_answers(struct load *load, uint64_t wanted)
{
    while (load->answered < wanted)
        turn(load, 1000);
}

static struct peer *connect_peer(struct load *load, struct group *group, unsigned number)
{
    static uint64_t answers;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->port)};
    uint8_t packet[64] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, KEEP >> 8, KEEP & 0xff, 0};
    char *id = (char *)packet + 14;
    struct peer *peer = calloc(1, sizeof *peer);
    CHECK(peer != NULL);
    /* More clients than one address has ports: others of the loopback network. */
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(0x7f000002U + number / 20000)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    peer->group = group;
    CHECK(peer->fd >= 0 && bind(peer->fd, (struct sockaddr *)&own, sizeof own) == 0);
    if (connect(peer->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("connect");
        exit(1);
    }
    int length = snprintf(id, 32, "load-%u", number);
    packet[13] = (uint8_t)length;
    packet[1] = (uint8_t)(12 + length);
    put(peer, packet, 14 + (size_t)length);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    CHECK(epoll_ctl(load->poll, EPOLL_CTL_ADD, peer->fd, &event) == 0);
    CHECK(write(peer->fd, peer->out, peer->out_length) == (ssize_t)peer->out_length);
    peer->out_length = 0;
    CHECK(fcntl(peer->fd, F_SETFL, O_NONBLOCK) == 0);
    await_answers(load, ++answers);
    return peer;
}

static void subscribe(struct load *load, struct peer *peer)
{
    uint8_t packet[64] = {0x82, 0, 0, 1, 0};
    int length = snprintf((char *)packet + 6, 32, "load/%u", (unsigned)(peer->group - load->group));
    packet[5] = (uint8_t)length;
    packet[1] = (uint8_t)(5 + length);
    packet[6 + length] = (uint8_t)load->qos;
    put(peer, packet, 7 + (size_t)length);
    uint64_t answered = load->answered;
    flush(load, peer);
    await_answers(load, answered + 1);
}

static void run_for(struct load *load, double seconds)
{
    for (double ends = now_s() + seconds; now_s() < ends;)
        turn(load, 100);
}

static void connect_all(struct load *load)
{
    unsigned number = 0;
    for (unsigned g = 0; g < load->groups; g++) {
        struct group *group = &load->group[g];
        group->publisher = connect_peer(load, group, number++);
        group->publisher->publishes = true;
        for (unsigned s = 0; s < load->subscribers; s++)
            subscribe(load, connect_peer(load, group, number++));
    }
}

static void measure(struct load *load)
{
    load->measuring = true;
    for (unsigned g = 0; g < load->groups; g++)
        pump(load, &load->group[g]);
    run_for(load, 1);
    double processor = processor_s(load->pid);
    double began = now_s();
    uint64_t delivered = load->delivered;
    run_for(load, load->seconds);
    double seconds = now_s() - began;
    processor = processor_s(load->pid) - processor;
    double count = (double)(load->delivered - delivered);
    (void)printf("deliveries_per_second=%.0f processor_us=%.3f busy=%.2f", count / seconds,
                 processor / count * 1e6, processor / seconds);
}

int main(int argc, char **argv)
{
    struct load load = {0};
    unsigned *const numbers[] = {&load.port, &load.pid,   &load.groups, &load.subscribers,
                                 &load.qos,  &load.bytes, &load.window, &load.seconds};
    struct rlimit limit;
    for (int i = 1; i < argc && i <= (int)ARRAY_LENGTH(numbers); i++)
        *numbers[i - 1] = (unsigned)strtoul(argv[i], NULL, 10);
    CHECK(load.groups != 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    load.poll = epoll_create1(0);
    load.group = calloc(load.groups, sizeof load.group[0]);
    load.publish = calloc(1, load.bytes + 1);
    CHECK(load.poll >= 0 && load.group != NULL && load.publish != NULL);
    unsigned long before_kb = memory_kb(load.pid, "VmRSS");
    connect_all(&load);
    if (load.subscribers != 0) {
        measure(&load);
    } else {
        run_for(&load, 1);
        unsigned long more_kb = memory_kb(load.pid, "VmRSS") - before_kb;
        (void)printf("bytes_per_client=%.0f", (double)more_kb * 1024 / load.groups);
    }
    (void)printf(" memory_kb=%lu peak_kb=%lu\n", memory_kb(load.pid, "VmRSS"),
                 memory_kb(load.pid, "VmHWM"));
    return 0;
}
