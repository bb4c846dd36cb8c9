// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether a rule is for a client, and where not, by which of its keys. */
#pragma once

#include <time.h>

#include "config/config.h"
#include "proxy/identity.h"

enum mismatch {
    MATCH_HOLDS,
    MISMATCH_UNTIL,
    MISMATCH_CLIENT_ID,
    MISMATCH_USERNAME,
    MISMATCH_SERVER_NAME,
    MISMATCH_SOURCE,
    MISMATCH_MQTT_VERSION,
    MISMATCH_CERTIFICATE_ABSENT,  /* the rule is for clients that have one */
    MISMATCH_CERTIFICATE_PRESENT, /* or have none */
    MISMATCH_CERTIFICATE          /* or another one */
};

/* The first key of `match` that does not hold. */
enum mismatch match_rule(const struct config_rule *rule, const struct facts *facts, time_t now);
