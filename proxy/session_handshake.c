// SPDX-License-Identifier: GPL-3.0-or-later
/* TLS: the ClientHello chooses the certificate before there is a WOLFSSL; then the handshake, and
 * the records behind it for the other chapters. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/client_hello.h"
#include "proxy/session_private.h"
#include "proxy/tls/choose.h"
#include "proxy/tls/record_gate.h"

bool session_hold(struct session *session, const uint8_t *data, size_t length)
{
    if (length == 0) return true;
    session->held = malloc(length);
    if (session->held == NULL) return false;
    memcpy(session->held, data, length);
    session->held_length = length;
    return true;
}

size_t session_unhold(struct session *session)
{
    size_t length = session->held_length;
    if (length > 0) memcpy(session->loop->ciphertext, session->held, length);
    free(session->held);
    session->held = NULL;
    session->held_length = 0;
    return length;
}

static void send_alert(struct session *session, uint8_t description)
{
    const uint8_t alert[] = {21, 3, 3, 0, 2, 2, description}; /* fatal (RFC 8446, 6) */
    if (!endpoint_write(session->relay.client, (struct span){alert, sizeof alert}))
        session->record.reason = "client_reset";
}

static enum alive choose_context(struct session *session, const struct client_hello *hello)
{
    enum { HANDSHAKE_FAILURE = 40, UNRECOGNIZED_NAME = 112, INTERNAL_ERROR = 80 };
    struct tls_context_set *set = session->listener->tls[session->loop->number];
    if (hello->server_name[0] != '\0') session->record.server_name = strdup(hello->server_name);
    struct tls_context *context = tls_choose(set, hello);
    if (context == NULL) {
        send_alert(session, UNRECOGNIZED_NAME);
        return session_fail_handshake(
            session, "unknown_server_name",
            "client asked for a server name that no certificate here has");
    }
    /* wolfSSL would ask for a group that the client does not have (RFC 8446, 4.1.1). */
    if (hello->offers_groups && (hello->groups & context->groups) == 0) {
        send_alert(session, HANDSHAKE_FAILURE);
        return session_fail_handshake(session, "no_shared_group",
                                      "client offers no group that this listener has");
    }
    session->relay.tls = tls_stream_new(context, hello->offers_alpn);
    if (session->relay.tls == NULL) {
        send_alert(session, INTERNAL_ERROR);
        return session_fail_handshake(session, "out_of_memory", "out of memory");
    }
    return ALIVE;
}

enum alive session_read_client_hello(struct session *session, size_t length)
{
    enum { DECODE_ERROR = 50 };
    struct client_hello hello;
    const uint8_t *data = session->loop->ciphertext;
    switch (client_hello_read(&hello, data, length)) {
    case CLIENT_HELLO_OK:
        if (choose_context(session, &hello) == GONE) return GONE;
        session->has_token = false; /* this is what it was for */
        session_enter(session, HANDSHAKING);
        return session_read_handshake(session, length);
    case CLIENT_HELLO_NEED_MORE:
        return session_hold(session, data, length) ? ALIVE : session_end(session, "out_of_memory");
    case CLIENT_HELLO_NOT_TLS:
        return session_fail_handshake(session, "not_tls", client_hello_looks_like(data, length));
    case CLIENT_HELLO_TOO_LARGE:
    case CLIENT_HELLO_MALFORMED:
        break;
    }
    send_alert(session, DECODE_ERROR);
    return session_fail_handshake(session, "bad_client_hello", "the ClientHello cannot be read");
}

static void remember_handshake(struct session *session)
{
    session->record.tls = tls_stream_facts(session->relay.tls);
    session->record.certificate = tls_stream_take_identity(session->relay.tls);
    const struct tls_facts *tls = &session->record.tls;
    struct counters *counters = session->relay.counters;
    counters_handshake(counters, tls->version == IDENTITY_TLS_1_3, tls->resumed,
                       clock_monotonic_ms() - session->record.started_ms);
    counters_word(&counters->groups, tls->group);
    counters_word(&counters->ciphers, tls->cipher);
}

enum alive session_read_handshake(struct session *session, size_t length)
{
    bool broken = false;
    struct tls_io *io = &session->loop->tls;
    const uint8_t *data = session->loop->ciphertext;
    size_t whole = tls_record_gate(data, length, &broken);
    io->in = bytes_of(data, whole);
    enum tls_status status = tls_stream_handshake(session->relay.tls, io);
    size_t left = bytes_left(&io->in) + (length - whole);
    /* Where a CONNECT came right behind, the ticket goes out with its answer. */
    bool sent = status == TLS_OK && left > 0 ? relay_keep(&session->relay)
                                             : relay_flush(&session->relay);
    if (status == TLS_FAILED) {
        struct tls_failure failure = tls_stream_failure(session->relay.tls);
        return session_fail_handshake(session, failure.reason, failure.sentence);
    }
    if (status != TLS_OK && !sent)
        return session_fail_handshake(session, "client_reset",
                                      "client reset the connection in the handshake");
    if (status != TLS_OK)
        return session_hold(session, data + whole, length - whole)
                   ? ALIVE
                   : session_end(session, "out_of_memory");
    remember_handshake(session);
    if (!sent) return session_end(session, "client_reset");
    session_enter(session, AWAIT_CONNECT);
    session_set_deadline(session, session->listener->config->limits.connect_timeout_ms);
    memmove(session->loop->ciphertext, data + length - left, left);
    return left == 0 ? ALIVE : session_read_connect(session, left);
}

enum alive session_decrypt(struct session *session, size_t length, struct span *plaintext,
                           bool *peer_closed)
{
    bool broken = false;
    struct tls_io *io = &session->loop->tls;
    const uint8_t *data = session->loop->ciphertext;
    size_t whole = tls_record_gate(data, length, &broken);
    struct bytes_writer out = bytes_writer_of(session->loop->plaintext, LOOP_BUFFER_BYTES);
    io->in = bytes_of(data, whole);
    enum tls_status status = tls_stream_read(session->relay.tls, io, &out);
    if (io->out_length > 0 && !relay_flush(&session->relay))
        return session_end(session, "client_reset");
    if (status == TLS_FAILED)
        return session_end(session, tls_stream_failure(session->relay.tls).reason);
    if (!session_hold(session, data + whole, length - whole))
        return session_end(session, "out_of_memory");
    *peer_closed = status == TLS_PEER_CLOSED;
    *plaintext = (struct span){out.data, out.length};
    return ALIVE;
}
