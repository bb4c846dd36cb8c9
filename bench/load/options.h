// SPDX-License-Identifier: GPL-3.0-or-later
/* What the load generator was told on its command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"

enum { OPTIONS_MOST_PIDS = 8 };

struct options {
    const char *scenario;
    const char *host; /* an IPv4 or IPv6 address */
    uint16_t port;
    const char *certificate; /* NULL: none is shown; a `%u` in it is 0 to `certificates` - 1 */
    const char *private_key;
    unsigned certificates;
    const char *group; /* the only one that is offered */
    bool tls_1_2;      /* else 1.3 */
    bool plain;        /* no TLS at all */
    bool resume;
    bool subscribe;  /* the server is a broker: to its own topic */
    bool silent;     /* TCP only */
    bool listens;    /* latency: to stdin */
    bool write_each; /* publishes: a write for each message */
    unsigned clients;
    unsigned at_once; /* connects in progress */
    unsigned in_flight;
    size_t size;    /* of a payload, bytes */
    uint64_t count; /* connects or messages, after which it stops early; 0: any */
    double rate;    /* of messages a second of each client, or of connects; 0: as fast as it goes */
    unsigned seconds;
    unsigned warm_up_s;
    pid_t server_pids[OPTIONS_MOST_PIDS]; /* whose processor time is told */
    size_t server_pids_count;
};

/* False: what is wrong was told on stderr. */
MUST_USE bool options_read(struct options *options, int argc, char **argv);
