// SPDX-License-Identifier: GPL-3.0-or-later
/* One table: what a refused client is told in each MQTT version, and the words for logs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "proxy/policy/policy.h"

enum { REFUSAL_LARGEST_PACKET = 512 };

/* A stable word for logs and metrics: "tls_version". */
const char *refusal_word(enum refusal refusal);
/* A sentence where the decision had no detail of its own. */
const char *refusal_sentence(enum refusal refusal);
/* Writes the CONNACK for `version` (enum mqtt_version; 0: not known, nothing is written) into
 * `out`. REFUSAL_VERSION_NOT_SPOKEN takes the level as the client sent it: above 5 it gets MQTT 5's
 * form, otherwise the two bytes of 3.1.1. Nothing is written where the client is to be closed
 * without one. The Reason String of MQTT 5 is `detail` (escaped to be valid MQTT UTF-8 and cut to
 * fit), left out when `problem_information` is false. */
void refusal_encode(struct bytes_writer *out, enum refusal refusal, unsigned version,
                    const char *detail, bool problem_information);
