// SPDX-License-Identifier: GPL-3.0-or-later
/* What the files of a guard share: guard.c is what it knows, from_client.c reads the client's
 * packets by verdict.c and subscribe.c, answers.c those of the broker. */
#pragma once

#include "proxy/guard/aliases.h"
#include "proxy/guard/buffer.h"
#include "proxy/guard/guard.h"

enum {
    MOST_HELD_BYTES = 256 * 1024,  /* a PUBLISH without its payload, or a SUBSCRIBE */
    MOST_ANSWER_BYTES = 64 * 1024, /* that wait for the end of one packet of the broker's */
    MOST_MERGES = 64               /* SUBSCRIBEs whose SUBACK has not come */
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

/* Why the session has to end; gives GUARD_VIOLATION. */
enum guard_status guard_violate(struct guard *guard, uint8_t code, const char *reason);
/* Puts a packet of ours in front of the broker's next one. False: too many wait. */
MUST_USE bool guard_answer(struct guard *guard, const struct bytes_writer *packet);
/* Sends what waits, when the broker's stream is between two packets. */
MUST_USE enum guard_status guard_flush_answers(struct guard *guard, const struct guard_sink *sink);

enum guard_verdict {
    VERDICT_UNDECIDED, /* more of the packet has to be there */
    VERDICT_PASS,
    VERDICT_DROP,
    VERDICT_TAKE_WHOLE, /* guard_take_subscribe is due */
    VERDICT_VIOLATED    /* guard_violate has been told why */
};

/* Says of the packet that `data` begins with what is to become of it; undecided: `*needed` bytes of
 * it have to be there. `*whole` is its length, once it is known. */
enum guard_verdict guard_judge(struct guard *guard, struct span data, uint64_t *whole,
                               size_t *needed);
/* A SUBSCRIBE, which is whole. */
enum guard_status guard_take_subscribe(struct guard *guard, struct span packet,
                                       const struct guard_sink *sink);
