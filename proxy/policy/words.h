// SPDX-License-Identifier: GPL-3.0-or-later
/* Why a rule is not for a client, in words for whoever wrote the rule. */
#pragma once

#include <stddef.h>

#include "proxy/identity.h"
#include "proxy/policy/match.h"

enum { POLICY_WORDS_ROOM = 512 };

/* Writes a sentence such as `client_id "x" is not "meter-*"`; what clients sent is escaped. */
void words_of_mismatch(char out[POLICY_WORDS_ROOM], const struct config_rule *rule,
                       const struct facts *facts, enum mismatch mismatch);
