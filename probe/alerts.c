// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/alerts.h"

#include <stddef.h>

#include "base/attributes.h"

static const struct {
    int description;
    const char *sentence;
} alerts[] = {
    {40,  "handshake_failure: it found no cipher suite, group or signature to agree on, or wants a "
         "client certificate"                                                             },
    {42,  "bad_certificate: it does not accept the client certificate"                            },
    {43,  "unsupported_certificate: the client certificate is not for TLS clients"                },
    {44,  "certificate_revoked: the client certificate is revoked"                                },
    {45,  "certificate_expired: the client certificate has expired, or the clocks differ"         },
    {46,  "certificate_unknown: it does not accept the client certificate"                        },
    {48,  "unknown_ca: it does not trust the CA of the client certificate; send the "
         "intermediates with it"                                                          },
    {49,  "access_denied: it refuses this client"                                                 },
    {51,  "decrypt_error: it could not verify the client's signature"                             },
    {70,  "protocol_version: it does not speak this version of TLS"                               },
    {71,  "insufficient_security: it wants stronger ciphers"                                      },
    {80,  "internal_error: it failed by itself, see its log"                                      },
    {112, "unrecognized_name: it has no certificate for this server name"                         },
    {116, "certificate_required: it requires a client certificate, give one with --cert and --key"},
    {120, "no_application_protocol: it speaks none of the ALPN protocols"                         },
};

const char *alert_sentence(int description)
{
    for (size_t i = 0; i < ARRAY_LENGTH(alerts); i++)
        if (alerts[i].description == description) return alerts[i].sentence;
    return "that says no more than that it failed";
}
