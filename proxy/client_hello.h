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
    CLIENT_HELLO_TOO_LARGE  /* over CLIENT_HELLO_LARGEST, or in absurdly small records */
};

enum { CLIENT_HELLO_LARGEST = 16384, CLIENT_HELLO_NAME_ROOM = 256 };

struct client_hello {
    /* Lower-case, without a dot at its end; empty: none. The literal address that some clients send
     * against RFC 6066, 3 counts as none. */
    char server_name[CLIENT_HELLO_NAME_ROOM];
    bool offers_tls_1_3;
    bool offers_tls_1_2;
    bool offers_alpn;
    /* By its signature algorithms (4.2.3; all of them where it has no such extension), and for one
     * that speaks TLS 1.2 at most by its ECDHE suites as well. */
    bool verifies_ecdsa;
    bool verifies_rsa;
    bool offers_groups; /* it has that extension (4.2.7) */
    uint64_t groups;    /* those of client_hello_group */
};

/* The bit that stands for a group of that number; 0: none that Postern knows. */
uint64_t client_hello_group(unsigned number);

/* Reads what `length` bytes at `data`, the connection's first, say; the handshake message may be
 * spread over several records. NEED_MORE comes for less than 32 KiB only. Borrows. `out` is
 * complete with CLIENT_HELLO_OK only. */
MUST_USE enum client_hello_status client_hello_read(struct client_hello *out, const uint8_t *data,
                                                    size_t length);
/* For CLIENT_HELLO_NOT_TLS: what it looks like ("an HTTP request", "a plaintext MQTT CONNECT",
 * "bytes that are not TLS"). */
const char *client_hello_looks_like(const uint8_t *data, size_t length);
