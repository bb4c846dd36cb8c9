// SPDX-License-Identifier: GPL-3.0-or-later
/* The latest clients that were not served, and why in words: a small ring for each worker. Thread:
 * any; the lock of a ring is its worker's alone but while somebody reads. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum {
    INCIDENTS_MOST = 32, /* of one ring */
    INCIDENT_SOURCE_ROOM = 64,
    INCIDENT_NAME_ROOM = 96,
    INCIDENT_SENTENCE_ROOM = 512
};

enum incident_kind { INCIDENT_HANDSHAKE, INCIDENT_REFUSAL, INCIDENT_ENDED };

/* Texts are printable; a long one is cut. */
struct incident {
    int64_t at_ms; /* since 1970 */
    enum incident_kind kind;
    const char *reason; /* a static word */
    char listener[INCIDENT_NAME_ROOM];
    char source[INCIDENT_SOURCE_ROOM];
    char client_id[INCIDENT_NAME_ROOM]; /* empty: not known */
    char sentence[INCIDENT_SENTENCE_ROOM];
};

struct incidents;

/* Gives an empty ring (incidents_free), or NULL: out of memory. */
struct incidents *incidents_new(void);
void incidents_free(struct incidents *incidents);
/* Remembers it in place of the oldest; `client_id` may be NULL. NULL for `incidents` is fine. */
void incidents_note(struct incidents *incidents, enum incident_kind kind, const char *reason,
                    const char *listener, const char *source, const char *client_id,
                    const char *sentence);
/* Copies what is remembered, in no order; gives how many. */
size_t incidents_read(struct incidents *incidents, struct incident out[INCIDENTS_MOST]);
