// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether a client certificate is as a rule wants it. */
#pragma once

#include "config/config.h"
#include "proxy/identity.h"

enum certificate_requirement {
    CERTIFICATE_MET,
    CERTIFICATE_COMMON_NAME,
    CERTIFICATE_SUBJECT,
    CERTIFICATE_ISSUER,
    CERTIFICATE_SERIAL,
    CERTIFICATE_SAN_DNS,
    CERTIFICATE_SAN_URI,
    CERTIFICATE_SAN_EMAIL,
    CERTIFICATE_FINGERPRINT,
    CERTIFICATE_SPKI,
    CERTIFICATE_KEY,
    CERTIFICATE_LIFETIME,
    CERTIFICATE_EXTENDED_KEY_USAGE
};

/* The first requirement that the certificate of `facts`, which has one, does not meet. */
enum certificate_requirement certificate_rule_unmet(const struct config_certificate_rule *rule,
                                                    const struct facts *facts);
/* The patterns of a requirement that has some; NULL for the others. */
const struct config_patterns *certificate_rule_patterns(const struct config_certificate_rule *rule,
                                                        enum certificate_requirement requirement);
/* Writes what the certificate has where the requirement looks: `common name is "meter-7"`, `URIs
 * are "spiffe://a" and 2 more`, `key is RSA of 1024 bits`. Cut to `room`; not escaped. */
void certificate_rule_describe(char *out, size_t room, enum certificate_requirement requirement,
                               const struct identity_certificate *certificate);
