// SPDX-License-Identifier: GPL-3.0-or-later
/* What the two directions of a guard share: guard.c reads the client's packets, answers.c those of
 * the broker. */
#pragma once

#include "proxy/guard/aliases.h"
#include "proxy/guard/guard.h"

enum {
    MOST_HELD_BYTES = 256 * 1024, /* a PUBLISH without its payload, or a SUBSCRIBE */
    MOST_ANSWER_BYTES = 64 * 1024,
    MOST_MERGES = 64
};

/* Memory that grows up to a limit. */
struct buffer {
    uint8_t *data;
    size_t length;
    size_t room;
};

/* A SUBSCRIBE of which only some filters went to the broker. */
struct merge {
    struct merge *next;
    uint16_t packet_id;
    size_t count;
    uint8_t refused[]; /* for each filter of the client's */
};

struct guard {
    struct guard_settings settings;
    struct guard_violation violation;
    struct buffer held; /* of the client's current packet, until it is decided */
    uint64_t passing;   /* bytes of it that still go to the broker */
    uint64_t dropping;  /* or nowhere */
    struct aliases aliases;
    bool missed_aliases; /* it began, or went on, when the client could have set some unseen */
    uint64_t publishes;
    struct buffer answers; /* packets of ours that wait for a boundary */
    struct merge *merges;  /* the oldest first */
    size_t merges_count;
    struct buffer suback; /* a SUBACK in pieces */
    uint8_t header[5];    /* of the broker's current packet, while it is not whole */
    uint8_t header_length;
    uint64_t backend_passing;
    bool backend_begun; /* its CONNACK comes before any answer of ours */
};

MUST_USE bool buffer_add(struct buffer *buffer, struct span data, size_t most);
void buffer_clear(struct buffer *buffer);

enum guard_status guard_violate(struct guard *guard, uint8_t code, const char *reason);
/* Puts a packet of ours in front of the broker's next one. False: too many wait. */
MUST_USE bool guard_answer(struct guard *guard, const struct bytes_writer *packet);
/* Sends what waits, when the broker's stream is between two packets. */
MUST_USE enum guard_status guard_flush_answers(struct guard *guard, const struct guard_sink *sink);
