// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether a server is up: what checks and clients' dials say, counted. Pure: the caller says what
 * time it is, and lets one thread in at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    VITALS_DIALS = 3, /* that fail in a row make a server down, without waiting for a check */
    VITALS_FIRST_PAUSE_MS = 1000,
    VITALS_LONGEST_PAUSE_MS = 60000
};

/* Zero-initialised is a server that is up, and that no check has seen yet. */
struct vitals {
    bool down;
    bool checked;
    unsigned checks;   /* in a row that speak against what it is */
    unsigned dials;    /* in a row that have failed */
    uint64_t retry_ms; /* down, without checks: from then on one dial may try */
    uint64_t pause_ms; /* between two such tries; it doubles */
};

struct vitals_rule {
    bool checked; /* there are checks, and they alone bring a server back */
    unsigned fall;
    unsigned rise;
};

/* Each of these gives whether `down` has changed. */

/* The first check decides alone; later it takes `fall` or `rise` of them in a row. */
bool vitals_check(struct vitals *vitals, const struct vitals_rule *rule, bool good);
bool vitals_dial(struct vitals *vitals, const struct vitals_rule *rule, bool good, uint64_t now_ms);

/* Whether a dial may be made at `now_ms`. Without checks a server that is down gets one dial after
 * each pause: this is true for one caller, whose vitals_dial is due. */
bool vitals_take_dial(struct vitals *vitals, const struct vitals_rule *rule, uint64_t now_ms);
/* Whether the next check should come soon. */
bool vitals_in_doubt(const struct vitals *vitals);
