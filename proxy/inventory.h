// SPDX-License-Identifier: GPL-3.0-or-later
/* Who connects with what: for each client id of a listener, what it was like the last time.
 * Bounded: the identity that was not seen for the longest time makes room. Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"

struct inventory;

/* One identity; texts are lent for a call of inventory_walk, and none is NULL. */
struct inventory_item {
    const char *listener;
    const char *client_id;
    const char *common_name; /* of the certificate; empty: none, as the next ones */
    const char *key;         /* of the certificate: "P-256" */
    unsigned key_bits;
    time_t certificate_not_after; /* 0: no certificate */
    const char *tls;              /* "1.3" */
    const char *cipher;
    const char *group;
    const char *mqtt; /* "3.1.1" */
    time_t first_seen;
    time_t last_seen;
    uint64_t visits;
    uint64_t refusals;
    const char *last_refusal; /* a word; empty: it was admitted the last time */
    unsigned connected;       /* now */
};

/* Gives an inventory (inventory_free) of up to `most` identities, or NULL: out of memory. */
struct inventory *inventory_new(size_t most);
void inventory_free(struct inventory *inventory);

/* What a visit showed; borrowed. Texts may be NULL. */
struct inventory_visit {
    const char *listener;
    const char *client_id;
    const char *common_name;
    const char *key;
    unsigned key_bits;
    time_t certificate_not_after;
    unsigned tls_version;  /* enum identity_tls_version */
    const char *cipher;    /* static */
    const char *group;     /* static */
    unsigned mqtt_version; /* enum mqtt_version */
    time_t now;
};

void inventory_admitted(struct inventory *inventory, const struct inventory_visit *visit);
/* `reason` is a static word. */
void inventory_refused(struct inventory *inventory, const struct inventory_visit *visit,
                       const char *reason);
/* One that was admitted has gone. */
void inventory_left(struct inventory *inventory, const char *listener, const char *client_id,
                    time_t now);
/* Calls `each` for every identity; those that come or go meanwhile may be missing. Nobody waits for
 * longer than a small part of them takes. */
void inventory_walk(struct inventory *inventory,
                    void (*each)(void *arg, const struct inventory_item *item), void *arg);
