// SPDX-License-Identifier: GPL-3.0-or-later
/* One server-side TLS connection as an engine: ciphertext in, plaintext out, and back. No socket,
 * no timer. Thread: its loop's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "proxy/identity.h"
#include "proxy/tls/failure.h"

struct tls_context;
struct tls_stream;

/* The buffers that a loop lends to whichever stream is at work. `in` borrows what was read; what a
 * stream wants to send is appended to `out`, and its user takes it away after each call. */
struct tls_io {
    struct bytes in;
    uint8_t *out;
    size_t out_length;
    size_t out_room;
};

MUST_USE bool tls_io_init(struct tls_io *io, size_t room);
void tls_io_clear(struct tls_io *io);
/* Puts a copy of `before` in front of what is to be sent. False: out of memory. */
MUST_USE bool tls_io_prepend(struct tls_io *io, struct span before);
/* Lends what is to be sent and empties `out`; valid until the next call on any stream. */
struct span tls_io_take(struct tls_io *io);

enum tls_status {
    TLS_OK,
    TLS_WANT_INPUT,
    TLS_PEER_CLOSED, /* its close_notify (RFC 8446, 6.1) */
    TLS_FAILED       /* see tls_stream_failure; an alert may be waiting in `out` */
};

/* Gives a stream (tls_stream_free) that borrows `context` until the handshake is done, and takes
 * its ALPN settings from it when the client offers ALPN. NULL: out of memory. */
struct tls_stream *tls_stream_new(struct tls_context *context, bool client_offers_alpn);
void tls_stream_free(struct tls_stream *stream);

/* Go on with `io->in`, which must hold whole records only (record_gate.h). TLS_OK: the handshake is
 * done, and records may be left in `io->in`. */
MUST_USE enum tls_status tls_stream_handshake(struct tls_stream *stream, struct tls_io *io);
/* Decrypts all of `io->in` into `out`, which has at least as much room. TLS_WANT_INPUT is the good
 * end. */
MUST_USE enum tls_status tls_stream_read(struct tls_stream *stream, struct tls_io *io,
                                         struct bytes_writer *out);
/* Encrypts `plaintext` into `io->out`. False: the connection is broken. */
MUST_USE bool tls_stream_write(struct tls_stream *stream, struct tls_io *io, struct span plaintext);
/* Appends a close_notify to `io->out`; at most once, nothing before the handshake is done. */
void tls_stream_close(struct tls_stream *stream, struct tls_io *io);
/* After TLS_FAILED; the sentence lives as long as the stream. */
struct tls_failure tls_stream_failure(const struct tls_stream *stream);

/* After the handshake; texts are static or live as long as the stream. */
struct tls_facts {
    unsigned version; /* enum identity_tls_version */
    const char *cipher;
    const char *group;
    bool resumed;
    /* Of our certificate, as the PROXY protocol names them: "EC256", "ECDSA-SHA256"; may be NULL.
     */
    const char *key_algorithm;
    const char *signature_algorithm;
};
struct tls_facts tls_stream_facts(const struct tls_stream *stream);
/* The protocol that was agreed on by ALPN, lent from the stream in `room`; NULL: none. */
const char *tls_stream_alpn(const struct tls_stream *stream, char room[static 256]);
/* Takes the verified client's identity out of the stream (free); NULL: it sent no certificate. */
struct identity_certificate *tls_stream_take_identity(struct tls_stream *stream);
