// SPDX-License-Identifier: GPL-3.0-or-later
/* What a PROXY protocol header says (the specification "The PROXY protocol", versions 1 and 2). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct proxy_address {
    struct in6_addr address; /* IPv4-mapped for IPv4 */
    uint16_t port;
};

/* False: it is neither of IPv4 nor of IPv6, and `*out` is zero. */
bool proxy_address_of(struct proxy_address *out, const struct sockaddr *from);

struct proxy_route {
    bool known; /* false: a unix socket, a health check, or whatever is not TCP over IP */
    struct proxy_address source;
    struct proxy_address destination;
};
