// SPDX-License-Identifier: GPL-3.0-or-later
/* What is known of a client's visit, and the lines that tell it. Passwords and payloads are not
 * even kept here. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "config/config.h"
#include "proxy/endpoint.h"
#include "proxy/identity.h"
#include "proxy/relay.h"
#include "proxy/tls/stream.h"

struct access_source {
    struct in6_addr address; /* IPv4-mapped for IPv4; zero for a unix socket */
    uint16_t port;
    bool is_unix;
};

struct access_record {
    const char *listener; /* the configuration's */
    struct access_source source;
    uint64_t started_ms;
    struct tls_facts tls; /* version 0: no handshake was finished */
    char *server_name;    /* owned, as the other texts without const; NULL: none */
    char *client_id;
    char *username;
    struct identity_certificate *certificate; /* owned; NULL: none */
    unsigned mqtt_version;                    /* 0: not known */
    uint16_t keep_alive_s;
    const char *rule;    /* the configuration's; NULL: none decided */
    const char *backend; /* the configuration's; NULL: none chosen */
    const char *server;  /* the configuration's; NULL: none connected */
    int server_index;    /* -1: none connected */
    int connack;         /* the broker's return or reason code; -1: none came */
    const char *reason;  /* why it ended: a constant word */
};

/* Where the peer of a socket is. */
struct access_source access_source_of(const struct sockaddr *peer);
enum { ACCESS_SOURCE_ROOM = 64 };
/* "192.0.2.1:40112", "[2001:db8::1]:40112", or "unix". */
const char *access_source_text(const struct access_source *source,
                               char out[static ACCESS_SOURCE_ROOM]);

void access_record_init(struct access_record *record, const char *listener,
                        const struct access_source *source, uint64_t now_ms);
void access_record_clear(struct access_record *record);

/* The one line at the end of a session. */
void access_log(const struct access_record *record, const struct relay *relay, uint64_t now_ms);
/* Why a client was not let in: in the handshake, and after its CONNECT. */
void access_log_failed_handshake(const struct access_record *record, const char *reason,
                                 const char *sentence);
void access_log_refused(const struct access_record *record, const char *detail);
/* A client that was admitted and would not be any more: it is about to be ended. */
void access_log_condemned(const struct access_record *record, const char *reason,
                          const char *detail);
/* A client that is not served, and is not told why. */
void access_log_turned_away(const struct access_record *record, const char *reason);
/* It was the last failure that is taken from its source. */
void access_log_blocked(const struct access_record *record, const struct config_penalty *penalty);
/* A server that could not be reached or that failed; `message` and `why` are constants. */
void access_log_backend(const struct access_record *record, const char *message, const char *server,
                        const char *why);
