// SPDX-License-Identifier: GPL-3.0-or-later
/* Session tickets (RFC 8446, 4.6.1; RFC 5077): sealed with keys that rotate, bound to the settings
 * that a full handshake was judged by, and carrying who the client is, because a resumed handshake
 * shows no certificate. Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "base/err.h"
#include "proxy/identity.h"

struct ticket_keys;

enum {
    TICKET_NAME_BYTES = 16,
    TICKET_IV_BYTES = 16,
    TICKET_MAC_BYTES = 32,
    TICKET_BINDING_BYTES = 32
};

/* Gives keys (ticket_keys_unref). `key_file` NULL: random ones, a new one each `rotate_s`. A file
 * has one key a line, at least 32 bytes in base64, the newest last: it seals, all of them open. */
struct ticket_keys *ticket_keys_new(const char *key_file, int64_t rotate_s, int64_t lifetime_s,
                                    struct err *err);
struct ticket_keys *ticket_keys_ref(struct ticket_keys *keys);
/* Lets go of one reference; the last one wipes. NULL is fine. */
void ticket_keys_unref(struct ticket_keys *keys);
/* Reads the file again; the old keys stay when it cannot be used, which is told. */
MUST_USE bool ticket_keys_reload(struct ticket_keys *keys, const char *key_file, struct err *err);

struct ticket_envelope {
    uint8_t *name; /* TICKET_NAME_BYTES */
    uint8_t *iv;   /* TICKET_IV_BYTES */
    uint8_t *mac;  /* TICKET_MAC_BYTES */
};

/* What a ticket says of whoever has it. */
struct ticket_bearer {
    struct identity_certificate *identity; /* NULL: no certificate */
    uint8_t resumptions;                   /* in a row before it */
};

/* wolfSSL counts a row of resumptions in one byte, across connections, and ends the handshake where
 * it overflows; a full handshake in between begins anew. */
enum { TICKET_MOST_RESUMPTIONS = 250 };

/* Seals `*length` bytes at `body` in place and the bearer behind them; `room` is what `body` can
 * hold. A ticket opens under the same `binding` only. False: no ticket, as when the identity is too
 * long. */
MUST_USE bool ticket_seal(struct ticket_keys *keys, const uint8_t *binding,
                          struct ticket_envelope envelope, uint8_t *body, size_t *length,
                          size_t room, const struct ticket_bearer *bearer, time_t now);
/* Opens in place; `*length` becomes that of the body alone, and the bearer's identity is given
 * (free). False: unknown key, another binding, forged, too old, or resumed too often. */
MUST_USE bool ticket_open(struct ticket_keys *keys, const uint8_t *binding,
                          struct ticket_envelope envelope, uint8_t *body, size_t *length,
                          struct ticket_bearer *bearer, time_t now);
