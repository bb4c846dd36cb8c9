// SPDX-License-Identifier: GPL-3.0-or-later
/* What would happen to a client, worked out from the configuration alone. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "base/attributes.h"
#include "config/config.h"
#include "proxy/identity.h"

struct explain_question {
    const struct config *config;
    const struct config_listener *listener;
    struct facts facts;
    const char *certificate; /* path of the client's chain; NULL: none */
    time_t now;
};

/* Gives the answer (json_decref) as `--json` prints it; `admitted` in it is the verdict. */
json_t *explain_answer(const struct explain_question *question);
/* The same for people. */
void explain_print(FILE *out, const json_t *answer);
