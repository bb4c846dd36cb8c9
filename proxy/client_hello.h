// SPDX-License-Identifier: GPL-3.0-or-later
/* Reads a ClientHello (RFC 8446, 4.1.2) from the first bytes of a connection, before any TLS object
 * exists: what the choice of a certificate needs, and what a refusal wants to tell. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"

enum client_hello_status {
    CLIENT_HELLO_NEED_MORE,
    CLIENT_HELLO_OK,
    CLIENT_HELLO_NOT_TLS,   /* plain text, HTTP, a plaintext MQTT CONNECT, garbage */
    CLIENT_HELLO_MALFORMED, /* TLS records, but no ClientHello that can be read */
    CLIENT_HELLO_TOO_LARGE  /* over CLIENT_HELLO_LARGEST */
};

enum { CLIENT_HELLO_LARGEST = 16384, CLIENT_HELLO_NAME_ROOM = 256 };

struct client_hello {
    char server_name[CLIENT_HELLO_NAME_ROOM]; /* lower-case; empty: none (RFC 6066, 3) */
    bool offers_tls_1_3;
    bool offers_tls_1_2;
    bool offers_alpn;
    bool verifies_ecdsa; /* a signature algorithm of 4.2.3, or no such extension at all */
    bool verifies_rsa;
};

/* Reads what `length` bytes at `data`, the connection's first, say; the handshake message may be
 * spread over several records. Borrows. `out` is complete with CLIENT_HELLO_OK only. */
MUST_USE enum client_hello_status client_hello_read(struct client_hello *out, const uint8_t *data,
                                                    size_t length);
/* For CLIENT_HELLO_NOT_TLS: what it looks like ("an HTTP request", "a plaintext MQTT CONNECT",
 * "bytes that are not TLS"). */
const char *client_hello_looks_like(const uint8_t *data, size_t length);
