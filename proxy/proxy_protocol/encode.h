// SPDX-License-Identifier: GPL-3.0-or-later
/* The header that tells a broker who stands behind the proxy. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "config/config.h"
#include "proxy/identity.h"
#include "proxy/proxy_protocol/header.h"

enum { PROXY_HEADER_LARGEST = 1024 };

struct proxy_header {
    enum config_proxy_protocol version; /* not CONFIG_PROXY_OFF */
    enum config_backend_profile profile;
    struct proxy_route route;
    unsigned tls_version; /* enum identity_tls_version */
    const char *cipher;   /* NULL: none, as the other texts */
    const char *alpn;
    const char *server_name;
    const char *key_algorithm;                      /* of the listener's certificate: "EC256" */
    const char *signature_algorithm;                /* that it is signed with */
    const struct identity_certificate *certificate; /* of the client; NULL: none */
    bool resumed;
};

/* Writes the header into `out`, which has room for PROXY_HEADER_LARGEST bytes. Version 2 says of
 * TLS what the profile's broker reads, the most important first, and leaves out what would make the
 * header too large for it. Texts with control characters or that are no UTF-8 are never sent. */
void proxy_header_encode(struct bytes_writer *out, const struct proxy_header *header);
