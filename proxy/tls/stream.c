// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/stream.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/tls/callbacks.h"
#include "proxy/tls/context.h"
#include "proxy/tls/profile.h"
#include "proxy/tls/verify.h"
#include "proxy/tls/wolfssl.h"

struct tls_stream {
    WOLFSSL *ssl;
    struct tls_context *context;
    const char *key_algorithm; /* these two are static texts */
    const char *signature_algorithm;
    struct tls_io *io; /* lent for a call */
    struct identity_certificate *identity;
    bool identity_from_ticket;
    uint8_t resumptions; /* in a row, this one with them */
    struct tls_failure failure;
    char *explanation; /* what `failure` says, in more words */
    bool handshake_done;
    bool refused; /* it has been told by an alert, which was the last word */
    bool closed;
};

bool tls_io_init(struct tls_io *io, size_t room)
{
    *io = (struct tls_io){.out = malloc(room), .out_room = room};
    return io->out != NULL;
}

void tls_io_clear(struct tls_io *io)
{
    free(io->out);
    *io = (struct tls_io){0};
}

struct span tls_io_take(struct tls_io *io)
{
    struct span taken = {io->out, io->out_length};
    io->out_length = 0;
    return taken;
}

static bool make_room(struct tls_io *io, size_t length)
{
    if (io->out_room - io->out_length >= length) return true;
    size_t room = 2 * (io->out_length + length);
    uint8_t *grown = realloc(io->out, room);
    if (grown == NULL) return false;
    io->out = grown;
    io->out_room = room;
    return true;
}

bool tls_io_prepend(struct tls_io *io, struct span before)
{
    if (!make_room(io, before.length)) return false;
    memmove(io->out + before.length, io->out, io->out_length);
    memcpy(io->out, before.data, before.length);
    io->out_length += before.length;
    return true;
}

int tls_stream_on_receive(WOLFSSL *ssl, char *buffer, int size, void *arg)
{
    (void)ssl;
    const struct tls_stream *stream = arg;
    struct bytes *in = &stream->io->in;
    size_t length = bytes_left(in);
    if (length == 0) return WOLFSSL_CBIO_ERR_WANT_READ;
    if (length > (size_t)size) length = (size_t)size;
    memcpy(buffer, bytes_take(in, length).data, length);
    return (int)length;
}

int tls_stream_on_send(WOLFSSL *ssl, char *buffer, int size, void *arg)
{
    (void)ssl;
    const struct tls_stream *stream = arg;
    struct tls_io *io = stream->io;
    if (stream->refused) return size;
    if (!make_room(io, (size_t)size)) return WOLFSSL_CBIO_ERR_GENERAL;
    memcpy(io->out + io->out_length, buffer, (size_t)size);
    io->out_length += (size_t)size;
    return size;
}

/* A ticket that was opened but not resumed from (the client's other tickets, another server name)
 * says nothing about who does this full handshake. */
static void drop_unused_ticket(struct tls_stream *stream)
{
    if (wolfSSL_session_reused(stream->ssl) == 1) return;
    stream->resumptions = 0;
    if (!stream->identity_from_ticket) return;
    free(stream->identity);
    stream->identity = NULL;
    stream->identity_from_ticket = false;
}

/* The callbacks that the context needs, since only here a WOLFSSL is known to be a stream. */
int tls_stream_on_ticket(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
                         int sealing, unsigned char *body, int in_length, int *out_length,
                         void *arg)
{
    (void)arg;
    struct tls_stream *stream = wolfSSL_GetIOReadCtx(ssl);
    const struct tls_context *context = stream->context;
    struct ticket_envelope envelope = {name, iv, mac};
    size_t length = (size_t)in_length;
    bool done = false;
    if (context == NULL) return WOLFSSL_TICKET_RET_REJECT; /* the handshake is over */
    if (sealing) {
        drop_unused_ticket(stream);
        const struct ticket_bearer bearer = {stream->identity, stream->resumptions};
        done = ticket_seal(context->tickets, context->binding, envelope, body, &length,
                           (size_t)*out_length, &bearer, time(NULL));
    } else {
        free(stream->identity);
        stream->identity = NULL;
        stream->identity_from_ticket = true;
        struct ticket_bearer bearer;
        done = ticket_open(context->tickets, context->binding, envelope, body, &length, &bearer,
                           time(NULL));
        stream->identity = bearer.identity;
        stream->resumptions = (uint8_t)(bearer.resumptions + 1);
        done = done && verify_resumed(context, stream->identity, time(NULL));
    }
    *out_length = (int)length;
    return done ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_REJECT;
}

/* In place of the alert that wolfSSL sends after the callback. */
static void tell(struct tls_stream *stream, int alert)
{
#ifndef POSTERN_SYSTEM_WOLFSSL /* never trusts anybody: see tls_trust_new */
    if (alert == 0 || stream->refused) return;
    (void)SendAlert(stream->ssl, alert_fatal, alert);
    stream->refused = true;
#else
    (void)stream;
    (void)alert;
#endif
}

static int on_verify(int good, WOLFSSL_X509_STORE_CTX *store)
{
    struct tls_stream *stream = store->userCtx;
    free(stream->identity);
    stream->identity = NULL;
    stream->identity_from_ticket = false;
    struct verify_result result = {0};
    if (stream->context == NULL) return 0; /* the handshake is over */
    int verdict = verify_client(stream->context, good == 1, store, &result);
    stream->identity = result.identity;
    if (stream->failure.reason == NULL) { /* the first one is the cause */
        stream->failure = result.failure;
        stream->explanation = result.explanation;
    } else {
        free(result.explanation);
    }
    if (verdict == 0) tell(stream, result.alert);
    return verdict;
}

struct tls_stream *tls_stream_new(struct tls_context *context, bool client_offers_alpn)
{
    struct tls_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) return NULL;
    stream->context = context;
    stream->key_algorithm = context->key_algorithm;
    stream->signature_algorithm = context->signature_algorithm;
    stream->ssl = wolfSSL_new(context->wolfssl);
    if (stream->ssl == NULL) goto fail;
    wolfSSL_SetIOReadCtx(stream->ssl, stream);
    wolfSSL_SetIOWriteCtx(stream->ssl, stream);
    if (context->trust != NULL) {
        wolfSSL_set_verify(stream->ssl, verify_mode(context), on_verify);
        wolfSSL_SetCertCbCtx(stream->ssl, stream);
    }
    if (client_offers_alpn && context->alpn[0] != '\0' &&
        wolfSSL_UseALPN(stream->ssl, context->alpn, (unsigned)strlen(context->alpn),
                        WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS)
        goto fail;
    return stream;
fail:
    tls_stream_free(stream);
    return NULL;
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream == NULL) return;
    wolfSSL_free(stream->ssl);
    free(stream->identity);
    free(stream->explanation);
    free(stream);
}

/* OpenSSL's clients send their alert about our certificate in plain text (TLS 1.3, in middlebox
 * compatibility mode), which wolfSSL takes for a broken record. The description, or -1. */
static int plain_alert(struct bytes records)
{
    enum { HEADER_BYTES = 5, TYPE_ALERT = 21, ALERT_BYTES = 2 };
    records.at = 0;
    while (bytes_left(&records) >= HEADER_BYTES) {
        uint8_t type = bytes_u8(&records);
        bytes_skip(&records, 2);
        struct span body = bytes_take(&records, bytes_u16(&records));
        if (type == TYPE_ALERT && body.length == ALERT_BYTES) return body.data[1];
    }
    return -1;
}

static enum tls_status fail(struct tls_stream *stream, int error)
{
    WOLFSSL_ALERT_HISTORY alerts = {0};
    int received = stream->handshake_done ? -1 : plain_alert(stream->io->in);
    if (received >= 0)
        error = 0; /* the alert is why, not what wolfSSL made of it */
    else if (wolfSSL_get_alert_history(stream->ssl, &alerts) == WOLFSSL_SUCCESS &&
             alerts.last_rx.level == alert_fatal)
        received = alerts.last_rx.code;
    /* What the verify callback found says more than wolfSSL's "the callback refused". */
    if (stream->failure.reason == NULL) stream->failure = tls_failure_of(error, received);
    return TLS_FAILED;
}

enum tls_status tls_stream_handshake(struct tls_stream *stream, struct tls_io *io)
{
    stream->io = io;
    int done = wolfSSL_accept(stream->ssl);
    verify_forget_chain(stream->context);
    if (done == WOLFSSL_SUCCESS) {
        drop_unused_ticket(stream);
        stream->handshake_done = true;
        stream->context = NULL; /* another generation may serve from now on */
        return TLS_OK;
    }
    int error = wolfSSL_get_error(stream->ssl, done);
    return error == WOLFSSL_ERROR_WANT_READ ? TLS_WANT_INPUT : fail(stream, error);
}

enum tls_status tls_stream_read(struct tls_stream *stream, struct tls_io *io,
                                struct bytes_writer *out)
{
    stream->io = io;
    for (;;) {
        int length = wolfSSL_read(stream->ssl, out->data + out->length,
                                  (int)(out->room - out->length));
        if (length > 0) {
            out->length += (size_t)length;
            continue;
        }
        int error = wolfSSL_get_error(stream->ssl, length);
        if (error == WOLFSSL_ERROR_WANT_READ) return TLS_WANT_INPUT;
        if (error == WOLFSSL_ERROR_ZERO_RETURN) return TLS_PEER_CLOSED;
        return fail(stream, error);
    }
}

bool tls_stream_write(struct tls_stream *stream, struct tls_io *io, struct span plaintext)
{
    stream->io = io;
    for (size_t at = 0; at < plaintext.length;) {
        int written = wolfSSL_write(stream->ssl, plaintext.data + at, (int)(plaintext.length - at));
        if (written <= 0) return false;
        at += (size_t)written;
    }
    return true;
}

void tls_stream_close(struct tls_stream *stream, struct tls_io *io)
{
    if (!stream->handshake_done || stream->closed) return;
    stream->closed = true;
    stream->io = io;
    (void)wolfSSL_shutdown(stream->ssl); /* the peer's answer is not waited for */
}

struct tls_failure tls_stream_failure(const struct tls_stream *stream)
{
    struct tls_failure failure = stream->failure;
    if (stream->explanation != NULL) failure.sentence = stream->explanation;
    return failure;
}

struct tls_facts tls_stream_facts(const struct tls_stream *stream)
{
    const char *version = wolfSSL_get_version(stream->ssl);
    int suite = wolfSSL_get_current_cipher_suite(stream->ssl);
    return (struct tls_facts){
        .version = strcmp(version, "TLSv1.3") == 0 ? IDENTITY_TLS_1_3 : IDENTITY_TLS_1_2,
        .cipher = wolfSSL_get_cipher_name_iana_from_suite((unsigned char)(suite >> 8),
                                                          (unsigned char)suite),
        .group = tls_profile_group(wolfSSL_get_curve_name(stream->ssl)),
        .resumed = wolfSSL_session_reused(stream->ssl) == 1,
        .key_algorithm = stream->key_algorithm,
        .signature_algorithm = stream->signature_algorithm,
    };
}

const char *tls_stream_alpn(const struct tls_stream *stream, char room[static 256])
{
    char *name = NULL;
    word16 length = 0;
    if (wolfSSL_ALPN_GetProtocol(stream->ssl, &name, &length) != WOLFSSL_SUCCESS || length > 255)
        return NULL;
    memcpy(room, name, length);
    room[length] = '\0';
    return room;
}

struct identity_certificate *tls_stream_take_identity(struct tls_stream *stream)
{
    struct identity_certificate *identity = stream->identity;
    stream->identity = NULL;
    return identity;
}
