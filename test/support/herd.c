// SPDX-License-Identifier: GPL-3.0-or-later
/* herd PORT CA COUNT [GROUP [CHAIN KEY]]: COUNT MQTT clients over TLS 1.3 to 127.0.0.1. First all
 * of them open a TCP connection, then each makes its handshake and is admitted. Prints "connected
 * COUNT", then for each line on standard input pings all of them and prints "alive COUNT", until it
 * ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/tls/wolfssl.h"

enum { DEADLINE_S = 60, PACKET_ROOM = 64 };

struct client {
    int fd;
    WOLFSSL *tls;
};

static void fail(const char *what, unsigned number)
{
    (void)fprintf(stderr, "herd: %s failed for client %u\n", what, number);
    exit(1);
}

static int dial(uint16_t port, unsigned number)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval deadline = {.tv_sec = DEADLINE_S};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        fail("connect", number);
    return fd;
}

/* wolfSSL is built without sockets of its own. */
static int on_receive(WOLFSSL *tls, char *data, int room, void *arg)
{
    (void)tls;
    ssize_t taken = recv(*(int *)arg, data, (size_t)room, 0);
    return taken > 0 ? (int)taken : WOLFSSL_CBIO_ERR_CONN_CLOSE;
}

static int on_send(WOLFSSL *tls, char *data, int length, void *arg)
{
    (void)tls;
    ssize_t taken = send(*(int *)arg, data, (size_t)length, MSG_NOSIGNAL);
    return taken > 0 ? (int)taken : WOLFSSL_CBIO_ERR_CONN_CLOSE;
}

static void expect(struct client *client, const uint8_t *wanted, int length, unsigned number)
{
    uint8_t got[PACKET_ROOM];
    int have = 0;
    while (have < length) {
        int taken = wolfSSL_read(client->tls, got + have, length - have);
        if (taken <= 0) fail("reading", number);
        have += taken;
    }
    if (memcmp(got, wanted, (size_t)length) != 0) fail("the answer", number);
}

static void admit(struct client *client, WOLFSSL_CTX *context, int group, unsigned number)
{
    static const uint8_t accepted[] = {0x20, 2, 0, 0};
    uint8_t packet[PACKET_ROOM] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 0};
    int id_length = snprintf((char *)packet + 14, sizeof packet - 14, "herd-%u", number);
    packet[1] = (uint8_t)(12 + id_length);
    packet[13] = (uint8_t)id_length;
    client->tls = wolfSSL_new(context);
    if (client->tls == NULL) fail("a new client", number);
    wolfSSL_SetIOReadCtx(client->tls, &client->fd);
    wolfSSL_SetIOWriteCtx(client->tls, &client->fd);
    if (group != 0 && wolfSSL_UseKeyShare(client->tls, (uint16_t)group) != WOLFSSL_SUCCESS)
        fail("the group", number);
    if (wolfSSL_connect(client->tls) != WOLFSSL_SUCCESS) fail("the handshake", number);
    if (wolfSSL_write(client->tls, packet, 14 + id_length) != 14 + id_length)
        fail("CONNECT", number);
    expect(client, accepted, sizeof accepted, number);
}

static void ping(struct client *client, unsigned number)
{
    static const uint8_t request[] = {0xc0, 0};
    static const uint8_t answer[] = {0xd0, 0};
    if (wolfSSL_write(client->tls, request, sizeof request) != (int)sizeof request)
        fail("a ping", number);
    expect(client, answer, sizeof answer, number);
}

static int group_of(const char *name)
{
    if (strcmp(name, "X25519MLKEM768") == 0) return WOLFSSL_X25519MLKEM768;
    if (strcmp(name, "X25519") == 0) return WOLFSSL_ECC_X25519;
    return 0;
}

int main(int argc, char **argv)
{
    char line[PACKET_ROOM];
    if (argc < 4 || wolfSSL_Init() != WOLFSSL_SUCCESS) return 2;
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    int group = argc > 4 ? group_of(argv[4]) : 0;
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    struct client *herd = calloc(count, sizeof *herd);
    if (context == NULL || herd == NULL ||
        wolfSSL_CTX_load_verify_locations(context, argv[2], NULL) != WOLFSSL_SUCCESS)
        return 2;
    if (argc > 6 && (wolfSSL_CTX_use_certificate_chain_file(context, argv[5]) != WOLFSSL_SUCCESS ||
                     wolfSSL_CTX_use_PrivateKey_file(context, argv[6], WOLFSSL_FILETYPE_PEM) !=
                         WOLFSSL_SUCCESS))
        return 2;
    wolfSSL_CTX_SetIORecv(context, on_receive);
    wolfSSL_CTX_SetIOSend(context, on_send);
    for (unsigned i = 0; i < count; i++)
        herd[i].fd = dial(port, i);
    for (unsigned i = 0; i < count; i++)
        admit(&herd[i], context, group, i);
    printf("connected %u\n", count);
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        for (unsigned i = 0; i < count; i++)
            ping(&herd[i], i);
        printf("alive %u\n", count);
        (void)fflush(stdout);
    }
    for (unsigned i = 0; i < count; i++) {
        wolfSSL_free(herd[i].tls);
        (void)close(herd[i].fd);
    }
    free(herd);
    wolfSSL_CTX_free(context);
    (void)wolfSSL_Cleanup(); /* nothing can be done about it at the end */
    return 0;
}
