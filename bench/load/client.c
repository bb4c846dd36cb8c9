// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/load/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/contexts.h"
#include "mqtt/packet.h"

enum { CONNACK_BYTES = 4, SUBACK_BYTES = 5, TOPIC_BYTES = 11 };
/* Where in the answers is the byte that says no, if it is not zero. */
enum { CONNACK_CODE = 3, SUBACK_CODE = CONNACK_BYTES + 4 };

uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int on_receive(WOLFSSL *tls, char *buffer, int size, void *arg)
{
    (void)tls;
    const struct client *client = arg;
    struct span *in = &client->load->in;
    size_t length = in->length < (size_t)size ? in->length : (size_t)size;
    if (length == 0) return WOLFSSL_CBIO_ERR_WANT_READ;
    memcpy(buffer, in->data, length);
    *in = (struct span){in->data + length, in->length - length};
    return (int)length;
}

static void append(struct load *load, struct span data)
{
    CHECK(load->out_length + data.length <= LOAD_OUT_BYTES);
    memcpy(load->out + load->out_length, data.data, data.length);
    load->out_length += data.length;
}

static int on_send(WOLFSSL *tls, char *buffer, int size, void *arg)
{
    (void)tls;
    const struct client *client = arg;
    append(client->load, (struct span){(const uint8_t *)buffer, (size_t)size});
    return size;
}

static void make_message(struct load *load)
{
    size_t size = load->options->size;
    struct bytes_writer out = bytes_writer_of(load->message, LOAD_BUFFER_BYTES);
    bytes_put_u8(&out, MQTT_PUBLISH << 4);
    size_t remaining = 2 + TOPIC_BYTES + size;
    for (; remaining >= 128; remaining /= 128)
        bytes_put_u8(&out, (uint8_t)(remaining % 128 | 128));
    bytes_put_u8(&out, (uint8_t)remaining);
    bytes_put_u16(&out, TOPIC_BYTES);
    out.length += TOPIC_BYTES; /* each client's own: see name_topic */
    load->message_length = out.length + size;
    CHECK(load->message_length <= LOAD_BUFFER_BYTES);
    memset(load->message + out.length, 'x', size);
}

static void name_topic(const struct client *client, uint8_t topic[TOPIC_BYTES])
{
    char text[TOPIC_BYTES + 1];
    (void)snprintf(text, sizeof text, "load/%06u", client->number % 1000000);
    memcpy(topic, text, TOPIC_BYTES);
}

void load_init(struct load *load, const struct options *options)
{
    *load = (struct load){.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    load->ciphertext = malloc(LOAD_BUFFER_BYTES);
    load->plaintext = malloc(LOAD_BUFFER_BYTES);
    load->message = malloc(LOAD_BUFFER_BYTES);
    load->out = malloc(LOAD_OUT_BYTES);
    CHECK(load->epoll >= 0 && load->ciphertext != NULL && load->plaintext != NULL &&
          load->message != NULL && load->out != NULL);
    CHECK(wolfSSL_Init() == WOLFSSL_SUCCESS);
    if (!options->plain && !options->silent) contexts_make(load, on_receive, on_send);
    make_message(load);
}

void load_clear(struct load *load)
{
    contexts_clear(load);
    (void)wolfSSL_Cleanup();  /* the program ends */
    (void)close(load->epoll); /* likewise */
    free(load->ciphertext);
    free(load->plaintext);
    free(load->message);
    free(load->out);
}

static void watch(struct client *client, int operation)
{
    struct epoll_event event = {.events = client->wants_writing ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                .data.ptr = client};
    CHECK(epoll_ctl(client->load->epoll, operation, client->fd, &event) == 0);
}

static void want_writing(struct client *client, bool wanted)
{
    if (client->wants_writing == wanted) return;
    client->wants_writing = wanted;
    watch(client, EPOLL_CTL_MOD);
}

static void drop(struct client *client)
{
    if (client->state == CLIENT_CLOSED) return;
    wolfSSL_free(client->tls);
    client->tls = NULL;
    (void)close(client->fd); /* nothing is left to say */
    unsent_clear(&client->unsent);
    client->state = CLIENT_CLOSED;
}

static void lose(struct client *client, const char *why)
{
    drop(client);
    client->events->on_lost(client, why);
}

/* Sends what the load's buffer holds. False: the connection is lost. */
static bool flush(struct client *client)
{
    struct load *load = client->load;
    struct span out = {load->out, load->out_length};
    load->out_length = 0;
    if (out.length == 0) return true;
    if (!unsent_send(&client->unsent, client->fd, out)) return false;
    want_writing(client, client->unsent.length > 0);
    return true;
}

static bool send_unsent(struct client *client)
{
    if (!unsent_go_on(&client->unsent, client->fd)) return false;
    want_writing(client, client->unsent.length > 0);
    return true;
}

static void write_plaintext(struct client *client, struct span data)
{
    if (client->tls == NULL)
        append(client->load, data);
    else
        CHECK(wolfSSL_write(client->tls, data.data, (int)data.length) == (int)data.length);
}

static void greet(struct client *client)
{
    uint8_t room[128];
    uint8_t topic[TOPIC_BYTES];
    name_topic(client, topic);
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    bytes_put_u8(&out, MQTT_CONNECT << 4);
    bytes_put_u8(&out, 10 + 2 + TOPIC_BYTES);
    bytes_put(&out, "\0\4MQTT\4\2\0\0", 10); /* no keep alive */
    bytes_put_u16(&out, TOPIC_BYTES);
    bytes_put(&out, topic, TOPIC_BYTES);
    client->answered = 0;
    if (client->load->options->subscribe) {
        bytes_put_u8(&out, MQTT_SUBSCRIBE << 4 | 2);
        bytes_put_u8(&out, 2 + 2 + TOPIC_BYTES + 1);
        bytes_put_u16(&out, 1);
        bytes_put_u16(&out, TOPIC_BYTES);
        bytes_put(&out, topic, TOPIC_BYTES);
        bytes_put_u8(&out, 0);
    }
    client->state = CLIENT_GREETING;
    write_plaintext(client, (struct span){out.data, out.length});
}

static bool says_no(const struct client *client, struct span answers, size_t code)
{
    return code >= client->answered && code - client->answered < answers.length &&
           answers.data[code - client->answered] != 0;
}

/* Takes the answers out of `data`, in whatever pieces they come. False: the client is not there any
 * more. */
static bool take_answers(struct client *client, struct span *data)
{
    size_t awaited = CONNACK_BYTES + (client->load->options->subscribe ? SUBACK_BYTES : 0);
    size_t left = awaited - client->answered;
    struct span answers = {data->data, data->length < left ? data->length : left};
    bool connack_refuses = says_no(client, answers, CONNACK_CODE);
    if (connack_refuses || says_no(client, answers, SUBACK_CODE)) {
        lose(client, connack_refuses ? "refused by its CONNACK" : "refused by its SUBACK");
        return false;
    }
    client->answered += answers.length;
    *data = (struct span){data->data + answers.length, data->length - answers.length};
    if (client->answered < awaited) return true;
    client->state = CLIENT_READY;
    client->events->on_ready(client);
    return true;
}

/* False: the client is not there any more. */
static bool take(struct client *client, struct span data)
{
    unsigned opened = client->opened;
    if (client->state == CLIENT_GREETING && !take_answers(client, &data)) return false;
    if (client->opened == opened && client->state == CLIENT_READY && data.length > 0)
        client->events->on_data(client, data);
    return client->opened == opened && client->state != CLIENT_CLOSED;
}

static void go_on(struct client *client)
{
    struct load *load = client->load;
    if (client->state == CLIENT_HANDSHAKING) {
        int done = wolfSSL_connect(client->tls);
        if (done != WOLFSSL_SUCCESS) {
            if (wolfSSL_get_error(client->tls, done) != WOLFSSL_ERROR_WANT_READ || !flush(client))
                lose(client, "the handshake failed");
            return;
        }
        client->resumed = wolfSSL_session_reused(client->tls) == 1;
        greet(client);
    }
    for (;;) {
        int length = wolfSSL_read(client->tls, load->plaintext, LOAD_BUFFER_BYTES);
        if (length > 0) {
            if (!take(client, (struct span){load->plaintext, (size_t)length})) return;
            continue;
        }
        if (wolfSSL_get_error(client->tls, length) == WOLFSSL_ERROR_WANT_READ) break;
        lose(client, "the server closed");
        return;
    }
    if (!flush(client)) lose(client, strerror(errno));
}

static void on_readable(struct client *client)
{
    struct load *load = client->load;
    ssize_t length = recv(client->fd, load->ciphertext, LOAD_BUFFER_BYTES, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
        lose(client, length == 0 ? "the server closed" : strerror(errno));
        return;
    }
    load->in = (struct span){load->ciphertext, (size_t)length};
    if (client->tls != NULL)
        go_on(client);
    else if (take(client, load->in) && !flush(client))
        lose(client, strerror(errno));
}

static void on_connected(struct client *client)
{
    struct load *load = client->load;
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
        lose(client, strerror(error));
        return;
    }
    want_writing(client, false);
    load->in = (struct span){NULL, 0};
    if (load->options->silent) {
        client->state = CLIENT_READY;
        client->events->on_ready(client);
    } else if (client->tls != NULL) {
        client->state = CLIENT_HANDSHAKING;
        go_on(client);
    } else {
        greet(client);
        if (!flush(client)) lose(client, strerror(errno));
    }
}

bool load_run(struct load *load, uint64_t until_ns, bool watch_stdin)
{
    enum { MOST_EVENTS = 256 };
    struct epoll_event events[MOST_EVENTS];
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    bool told = false;
    if (watch_stdin) CHECK(epoll_ctl(load->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) == 0);
    for (uint64_t now = clock_ns(); now < until_ns && !told && !load->done; now = clock_ns()) {
        uint64_t left_ms = (until_ns - now + 999999) / 1000000;
        int wait_ms = left_ms > 1000 ? 1000 : (int)left_ms;
        int count = epoll_wait(load->epoll, events, MOST_EVENTS, wait_ms);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (client == NULL) {
                told = true;
                continue;
            }
            if (client->state == CLIENT_CONNECTING) {
                on_connected(client);
                continue;
            }
            if (client->unsent.length > 0 && (events[i].events & EPOLLOUT) &&
                !send_unsent(client)) {
                lose(client, strerror(errno));
                continue;
            }
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(client);
        }
    }
    if (watch_stdin) CHECK(epoll_ctl(load->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL) == 0);
    return told;
}

void client_init(struct client *client, struct load *load, const struct client_events *events,
                 unsigned number)
{
    *client = (struct client){.load = load, .events = events, .number = number};
}

static void make_tls(struct client *client)
{
    struct load *load = client->load;
    client->tls = wolfSSL_new(
        load->contexts[(client->number + client->opened) % load->contexts_count]);
    CHECK(client->tls != NULL);
    wolfSSL_SetIOReadCtx(client->tls, client);
    wolfSSL_SetIOWriteCtx(client->tls, client);
    if (client->ticket != NULL)
        CHECK(wolfSSL_set_session(client->tls, client->ticket) == WOLFSSL_SUCCESS);
    if (!load->options->tls_1_2)
        CHECK(wolfSSL_UseKeyShare(client->tls, (word16)load->group) == WOLFSSL_SUCCESS);
}

static int connect_to(const struct options *options)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    CHECK(inet_pton(AF_INET, options->host, &address.sin_addr) == 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        perror("load: socket");
        exit(1);
    }
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS) {
        perror("load: connect");
        exit(1);
    }
    return fd;
}

void client_open(struct client *client)
{
    const struct options *options = client->load->options;
    client->begun_ns = clock_ns();
    client->received = 0;
    client->opened++;
    client->fd = connect_to(options);
    client->state = CLIENT_CONNECTING;
    client->wants_writing = true;
    watch(client, EPOLL_CTL_ADD);
    if (!options->plain && !options->silent) make_tls(client);
}

void client_flush(struct client *client)
{
    if (!flush(client)) lose(client, strerror(errno));
}

void client_send_messages(struct client *client, unsigned count)
{
    struct load *load = client->load;
    size_t topic = load->message_length - load->options->size - TOPIC_BYTES;
    name_topic(client, load->message + topic);
    for (unsigned i = 0; i < count; i++)
        write_plaintext(client, (struct span){load->message, load->message_length});
}

bool client_keep_ticket(struct client *client)
{
    WOLFSSL_SESSION *taken = wolfSSL_get1_session(client->tls);
    if (taken == NULL) return false;
    wolfSSL_SESSION_free(client->ticket);
    client->ticket = taken;
    return true;
}

void client_close(struct client *client)
{
    static const uint8_t disconnect[] = {MQTT_DISCONNECT << 4, 0};
    if (client->state == CLIENT_READY && !client->load->options->silent) {
        write_plaintext(client, (struct span){disconnect, sizeof disconnect});
        if (client->tls != NULL) (void)wolfSSL_shutdown(client->tls);
        (void)flush(client); /* the connection may be gone already */
    }
    client->load->out_length = 0;
    drop(client);
}
