// SPDX-License-Identifier: GPL-3.0-or-later
/* One MQTT 3.1.1 client over TLS, and the loop that runs many of them on one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "bench/load/options.h"
#include "bench/unsent.h"
#include "proxy/tls/wolfssl.h"

struct client;

struct client_events {
    /* The CONNACK (with `subscribe` the SUBACK, with `silent` the TCP connection) is there. */
    void (*on_ready)(struct client *client);
    /* What came behind it, lent. */
    void (*on_data)(struct client *client, struct span data);
    /* The other side or the network ended it; the client may be opened again. */
    void (*on_lost)(struct client *client, const char *why);
};

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING,
    CLIENT_HANDSHAKING,
    CLIENT_GREETING,
    CLIENT_READY
};

struct client {
    struct load *load;
    const struct client_events *events;
    unsigned number;
    unsigned opened; /* so many times */
    enum client_state state;
    int fd;
    WOLFSSL *tls;
    WOLFSSL_SESSION *ticket; /* of the last connection, for the next one */
    bool resumed;
    bool wants_writing;
    uint64_t begun_ns;
    size_t answered; /* bytes of CONNACK and SUBACK that have come */
    struct unsent unsent;
    uint64_t sent_ns; /* for the scenario: of its last message */
    size_t received;  /* bytes of a message that is not whole yet */
    unsigned messages;
};

enum { LOAD_BUFFER_BYTES = 1 << 18, LOAD_OUT_BYTES = 1 << 19 };

struct load {
    const struct options *options;
    int epoll;
    WOLFSSL_CTX **contexts; /* one for each certificate that is shown */
    unsigned contexts_count;
    int group;
    bool done;      /* load_run has nothing more to do */
    struct span in; /* ciphertext that was read and not used yet */
    uint8_t *ciphertext;
    uint8_t *out;
    size_t out_length;
    uint8_t *plaintext;
    uint8_t *message; /* a PUBLISH of options->size */
    size_t message_length;
};

uint64_t clock_ns(void);

void load_init(struct load *load, const struct options *options);
void load_clear(struct load *load);
/* Runs until `until_ns`, until the load is done, or until stdin has something where `watch_stdin`.
 * True: it has. */
bool load_run(struct load *load, uint64_t until_ns, bool watch_stdin);

void client_init(struct client *client, struct load *load, const struct client_events *events,
                 unsigned number);
/* Begins to connect; the client is closed. */
void client_open(struct client *client);
/* Adds `count` copies of the load's message to what goes out: after on_ready and on_data by itself,
 * else by client_flush. */
void client_send_messages(struct client *client, unsigned count);
void client_flush(struct client *client);
/* Takes the ticket for the next connection, if one has come. */
bool client_keep_ticket(struct client *client);
/* Leaves with DISCONNECT and close_notify. */
void client_close(struct client *client);
