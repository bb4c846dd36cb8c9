// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/proxy_protocol/header.h"

#include <string.h>

bool proxy_address_of(struct proxy_address *out, const struct sockaddr *from)
{
    *out = (struct proxy_address){.port = 0};
    if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;
        *out = (struct proxy_address){v6->sin6_addr, ntohs(v6->sin6_port)};
        return true;
    }
    if (from->sa_family != AF_INET) return false;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
    out->port = ntohs(v4->sin_port);
    out->address.s6_addr[10] = out->address.s6_addr[11] = 0xff;
    memcpy(out->address.s6_addr + 12, &v4->sin_addr, sizeof v4->sin_addr);
    return true;
}
