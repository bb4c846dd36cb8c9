// SPDX-License-Identifier: GPL-3.0-or-later
/* A TLS client for looking at servers: it goes on whatever it thinks of a certificate, and keeps
 * what it was shown. One connection, one thread, one deadline for everything. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"

enum { PROBE_MOST_CERTIFICATES = 16 };

struct probe_options {
    const char *host;
    const char *port;
    const char *server_name; /* NULL: none is sent */
    const char *certificate; /* path of a chain to show; NULL: none */
    const char *private_key;
    int tls_version; /* 12, 13; 0: either */
    uint64_t timeout_ms;
};

struct probe_connection;

/* Gives a connection (probe_close) to the first address of the host that answers, before any TLS.
 * NULL: told why, each address that was tried. */
struct probe_connection *probe_open(const struct probe_options *options, struct err *err);
void probe_close(struct probe_connection *connection);
/* Makes the handshake. False: `err` says what the server or the network did. */
MUST_USE bool probe_handshake(struct probe_connection *connection, struct err *err);
/* Sends all of it, and reads what comes next. False: likewise. */
MUST_USE bool probe_send(struct probe_connection *connection, struct span data, struct err *err);
MUST_USE bool probe_receive(struct probe_connection *connection, uint8_t *room, size_t size,
                            size_t *length, struct err *err);

/* What is known of it; texts live as long as the connection. */
struct probe_facts {
    const char *address; /* "127.0.0.1:8883" */
    const char *version; /* NULL before the handshake is done, as the next three */
    const char *cipher;
    const char *group;
    const char *alpn; /* NULL: none was agreed on */
    bool asked_for_certificate;
    struct span chain[PROBE_MOST_CERTIFICATES]; /* DER, as sent */
    size_t chain_count;
    struct span stapled; /* the OCSP answer that was stapled, DER; empty: none */
};
const struct probe_facts *probe_facts(const struct probe_connection *connection);
