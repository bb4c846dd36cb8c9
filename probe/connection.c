// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/alerts.h"
#include "proxy/tls/profile.h"
#include "proxy/tls/wolfssl.h"

enum { ADDRESS_ROOM = NI_MAXHOST + NI_MAXSERV + 4 };

struct probe_connection {
    const struct probe_options *options;
    uint64_t ends_ms;
    int fd;
    WOLFSSL_CTX *context;
    WOLFSSL *tls;
    struct probe_facts facts;
    char address[ADDRESS_ROOM];
    char alpn[256];
    bool timed_out;
    bool ended; /* the server closed the connection */
};

/* ------------------------------------------------------------------------------------------- TCP
 */

/* Waits until the socket is ready; false: the deadline has come. */
static bool wait_for(struct probe_connection *connection, short events)
{
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        if (now_ms >= connection->ends_ms) break;
        struct pollfd poller = {.fd = connection->fd, .events = events};
        int ready = poll(&poller, 1, (int)(connection->ends_ms - now_ms));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) break;
    }
    connection->timed_out = true;
    return false;
}

static int dial(struct probe_connection *connection, const struct addrinfo *address)
{
    int failed = 0;
    socklen_t size = sizeof failed;
    const int on = 1;
    connection->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd < 0) return errno;
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only faster */
    if (connect(connection->fd, address->ai_addr, address->ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (!wait_for(connection, POLLOUT)) return ETIMEDOUT;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0) return errno;
    return failed;
}

static void name_address(struct probe_connection *connection, const struct addrinfo *address)
{
    char host[NI_MAXHOST] = "?";
    char port[NI_MAXSERV] = "?";
    (void)getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV); /* "?" stays otherwise */
    (void)snprintf(connection->address, sizeof connection->address,
                   address->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    connection->facts.address = connection->address;
}

static bool dial_any(struct probe_connection *connection, struct err *err)
{
    const struct probe_options *options = connection->options;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char tried[512] = "";
    int failed = getaddrinfo(options->host, options->port, &hints, &found);
    if (failed != 0)
        return err_set(err, "%s cannot be resolved: %s", options->host, gai_strerror(failed));
    bool connected = false;
    for (const struct addrinfo *one = found; one != NULL && !connected; one = one->ai_next) {
        size_t used = strlen(tried);
        name_address(connection, one);
        failed = dial(connection, one);
        connected = failed == 0;
        if (connected) break;
        (void)snprintf(tried + used, sizeof tried - used, "%s%.80s: %.80s", used > 0 ? "; " : "",
                       connection->address, strerror(failed));
        if (connection->fd >= 0) (void)close(connection->fd); /* nothing was sent on it */
        connection->fd = -1;
    }
    freeaddrinfo(found);
    return connected || err_set(err, "%s", tried);
}

/* ------------------------------------------------------------------------------------------- TLS
 */

static int on_receive(WOLFSSL *tls, char *data, int room, void *arg)
{
    (void)tls;
    struct probe_connection *connection = arg;
    for (;;) {
        ssize_t length = recv(connection->fd, data, (size_t)room, 0);
        if (length > 0) return (int)length;
        connection->ended = length == 0 || (errno != EAGAIN && errno != EINTR);
        if (connection->ended) return WOLFSSL_CBIO_ERR_CONN_CLOSE;
        if (errno == EAGAIN && !wait_for(connection, POLLIN)) return WOLFSSL_CBIO_ERR_GENERAL;
    }
}

static int on_send(WOLFSSL *tls, char *data, int length, void *arg)
{
    (void)tls;
    struct probe_connection *connection = arg;
    for (;;) {
        ssize_t taken = send(connection->fd, data, (size_t)length, MSG_NOSIGNAL);
        if (taken > 0) return (int)taken;
        if (errno != EAGAIN && errno != EINTR) return WOLFSSL_CBIO_ERR_CONN_CLOSE;
        if (errno == EAGAIN && !wait_for(connection, POLLOUT)) return WOLFSSL_CBIO_ERR_GENERAL;
    }
}

/* Keeps the chain and finds nothing wrong with it: that is for others to say. */
static int on_verify(int good, WOLFSSL_X509_STORE_CTX *store)
{
    (void)good;
    struct probe_connection *connection = store->userCtx;
    struct probe_facts *facts = &connection->facts;
    if (facts->chain_count > 0) return 1;
    for (int i = 0; i < store->totalCerts && i < PROBE_MOST_CERTIFICATES; i++) {
        uint8_t *copy = malloc(store->certs[i].length);
        if (copy == NULL) return 0;
        memcpy(copy, store->certs[i].buffer, store->certs[i].length);
        facts->chain[facts->chain_count++] = (struct span){copy, store->certs[i].length};
    }
    return 1;
}

#ifndef POSTERN_SYSTEM_WOLFSSL /* which may not be able to show it */
/* Keeps the stapled answer, likewise. */
static int on_staple(WOLFSSL *tls, int error, byte *answer, word32 length, word32 index, void *arg)
{
    (void)tls;
    (void)error;
    struct probe_connection *connection = arg;
    if (index > 0 || connection->facts.stapled.length > 0 || length == 0) return 0;
    uint8_t *copy = malloc(length);
    if (copy == NULL) return 0;
    memcpy(copy, answer, length);
    connection->facts.stapled = (struct span){copy, length};
    return 0;
}

static bool ask_for_staple(struct probe_connection *connection, struct err *err)
{
    wolfSSL_CTX_set_ocsp_status_verify_cb(connection->context, on_staple, connection);
    return (wolfSSL_EnableOCSPStapling(connection->tls) == WOLFSSL_SUCCESS &&
            wolfSSL_UseOCSPStapling(connection->tls, WOLFSSL_CSR_OCSP, 0) == WOLFSSL_SUCCESS) ||
           err_set(err, "wolfSSL was built without OCSP stapling");
}
#else
static bool ask_for_staple(struct probe_connection *connection, struct err *err)
{
    (void)connection;
    (void)err;
    return true;
}
#endif

static bool load_certificate(struct probe_connection *connection, struct err *err)
{
    const struct probe_options *options = connection->options;
    if (options->certificate == NULL) return true;
    if (wolfSSL_CTX_use_certificate_chain_file(connection->context, options->certificate) !=
        WOLFSSL_SUCCESS)
        return err_set(err, "%s is no chain of certificates in PEM that can be used",
                       options->certificate);
    if (wolfSSL_CTX_use_PrivateKey_file(connection->context, options->private_key,
                                        WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
        return err_set(err, "%s holds no private key in PEM that can be used",
                       options->private_key);
    return true;
}

static bool prepare(struct probe_connection *connection, struct err *err)
{
    char protocols[] = "mqtt";
    const struct probe_options *options = connection->options;
    WOLFSSL_METHOD *method = options->tls_version == 12   ? wolfTLSv1_2_client_method()
                             : options->tls_version == 13 ? wolfTLSv1_3_client_method()
                                                          : wolfTLS_client_method();
    connection->context = wolfSSL_CTX_new(method);
    if (connection->context == NULL) return err_set(err, "out of memory");
    if (options->tls_version == 0)
        (void)wolfSSL_CTX_SetMinVersion(connection->context, WOLFSSL_TLSV1_2); /* it is built in */
    wolfSSL_CTX_SetIORecv(connection->context, on_receive);
    wolfSSL_CTX_SetIOSend(connection->context, on_send);
    wolfSSL_CTX_set_verify(connection->context, WOLFSSL_VERIFY_PEER, on_verify);
    if (!load_certificate(connection, err)) return false;
    connection->tls = wolfSSL_new(connection->context);
    if (connection->tls == NULL) return err_set(err, "out of memory");
    wolfSSL_SetIOReadCtx(connection->tls, connection);
    wolfSSL_SetIOWriteCtx(connection->tls, connection);
    wolfSSL_SetCertCbCtx(connection->tls, connection);
    if (!ask_for_staple(connection, err)) return false;
    if (options->server_name != NULL &&
        wolfSSL_UseSNI(connection->tls, WOLFSSL_SNI_HOST_NAME, options->server_name,
                       (unsigned short)strlen(options->server_name)) != WOLFSSL_SUCCESS)
        return err_set(err, "%s cannot be sent as a server name", options->server_name);
    /* Servers without ALPN ignore it. */
    return wolfSSL_UseALPN(connection->tls, protocols, sizeof protocols - 1,
                           WOLFSSL_ALPN_CONTINUE_ON_MISMATCH) == WOLFSSL_SUCCESS ||
           err_set(err, "out of memory");
}

struct probe_connection *probe_open(const struct probe_options *options, struct err *err)
{
    struct probe_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    connection->options = options;
    connection->fd = -1;
    connection->ends_ms = clock_monotonic_ms() + options->timeout_ms;
    if (prepare(connection, err) && dial_any(connection, err)) return connection;
    probe_close(connection);
    return NULL;
}

void probe_close(struct probe_connection *connection)
{
    if (connection == NULL) return;
    for (size_t i = 0; i < connection->facts.chain_count; i++)
        free((void *)(uintptr_t)connection->facts.chain[i].data);
    free((void *)(uintptr_t)connection->facts.stapled.data);
    wolfSSL_free(connection->tls);
    wolfSSL_CTX_free(connection->context);
    if (connection->fd >= 0) (void)close(connection->fd); /* all that mattered was read */
    free(connection);
}

/* What ended the connection, in words; always false. */
static bool explain(struct probe_connection *connection, int error, const char *when,
                    struct err *err)
{
    WOLFSSL_ALERT_HISTORY alerts = {0};
    char text[WOLFSSL_MAX_ERROR_SZ];
    if (wolfSSL_get_alert_history(connection->tls, &alerts) == WOLFSSL_SUCCESS &&
        alerts.last_rx.level == alert_fatal)
        return err_set(err, "the server ended %s with the alert %s", when,
                       alert_sentence(alerts.last_rx.code));
    if (connection->timed_out)
        return err_set(err, "the server said nothing more in %s within %llu s", when,
                       (unsigned long long)connection->options->timeout_ms / 1000);
    if (connection->ended)
        return err_set(err, "the server closed the connection in %s without a word", when);
    (void)wolfSSL_ERR_error_string((unsigned long)error, text);
    return err_set(err, "%s failed: %s", when, text);
}

static void remember(struct probe_connection *connection)
{
    char *name = NULL;
    word16 length = 0;
    struct probe_facts *facts = &connection->facts;
    int suite = wolfSSL_get_current_cipher_suite(connection->tls);
    facts->version = wolfSSL_get_version(connection->tls);
    facts->cipher = wolfSSL_get_cipher_name_iana_from_suite((unsigned char)(suite >> 8),
                                                            (unsigned char)suite);
    facts->group = tls_profile_group(wolfSSL_get_curve_name(connection->tls));
    if (wolfSSL_ALPN_GetProtocol(connection->tls, &name, &length) != WOLFSSL_SUCCESS ||
        length >= sizeof connection->alpn)
        return;
    memcpy(connection->alpn, name, length);
    facts->alpn = connection->alpn;
}

bool probe_handshake(struct probe_connection *connection, struct err *err)
{
    int done = wolfSSL_connect(connection->tls);
    if (done != WOLFSSL_SUCCESS)
        return explain(connection, wolfSSL_get_error(connection->tls, done), "the handshake", err);
    remember(connection);
    return true;
}

bool probe_send(struct probe_connection *connection, struct span data, struct err *err)
{
    int done = wolfSSL_write(connection->tls, data.data, (int)data.length);
    if (done == (int)data.length) return true;
    return explain(connection, wolfSSL_get_error(connection->tls, done), "the connection", err);
}

bool probe_receive(struct probe_connection *connection, uint8_t *room, size_t size, size_t *length,
                   struct err *err)
{
    int done = wolfSSL_read(connection->tls, room, (int)size);
    *length = done > 0 ? (size_t)done : 0;
    if (done > 0) return true;
    int error = wolfSSL_get_error(connection->tls, done);
    if (error == WOLFSSL_ERROR_ZERO_RETURN)
        return err_set(err, "the server closed the connection in an orderly way");
    return explain(connection, error, "the connection", err);
}

const struct probe_facts *probe_facts(const struct probe_connection *connection)
{
    return &connection->facts;
}
