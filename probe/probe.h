// SPDX-License-Identifier: GPL-3.0-or-later
/* Looks at a server as a client would see it: TCP, TLS, the chain, and MQTT's first answer. */
#pragma once

#include <jansson.h>

#include "base/attributes.h"
#include "probe/connection.h"

struct probe_question {
    struct probe_options connection;
    const char *authorities; /* path of what is trusted */
    const char *client_id;
    const char *username; /* NULL: none */
    const char *password; /* likewise */
};

/* Gives what was seen (json_decref) as --json prints it: "good", "problem" and the parts that were
 * reached. */
json_t *probe_server(const struct probe_question *question);
