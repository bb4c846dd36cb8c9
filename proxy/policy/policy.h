// SPDX-License-Identifier: GPL-3.0-or-later
/* Decides by a policy whether a client may come in. Pure: no socket, no clock, no log; the session,
 * `explain` and a recheck after a reload all ask this one function. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/attributes.h"
#include "config/config.h"
#include "proxy/identity.h"

/* Why a client is not admitted. Refusals outside policies are in the same list, so that one table
 * (refusal.c) says what each client version gets. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_TLS_VERSION,         /* the rule asks for a newer one */
    REFUSAL_CERTIFICATE_MISSING, /* the rule asks for one */
    REFUSAL_COMMON_NAME,    /* is not what the rule asks for, and does not depend on the CONNECT */
    REFUSAL_CERTIFICATE,    /* likewise anything else of the certificate */
    REFUSAL_CLIENT_ID,      /* is not the one that the certificate may use */
    REFUSAL_USERNAME,       /* likewise */
    REFUSAL_NO_RULE,        /* none matched, and `otherwise: refuse` */
    REFUSAL_CONNECT_FIELDS, /* `connect` of the rule names what this client does not have */
    REFUSAL_WILL_TOPIC,     /* the rule does not let the client publish to it */
    REFUSAL_REVOKED,        /* the certificate, since the session began */
    REFUSAL_CERTIFICATE_EXPIRED,
    REFUSAL_VERSION_NOT_SPOKEN, /* MQTT protocol level */
    REFUSAL_CLIENT_ID_INVALID,  /* empty where it may not be */
    REFUSAL_CONNECT_TOO_LARGE,
    REFUSAL_WILL_PAYLOAD, /* not the UTF-8 that it was said to be */
    REFUSAL_MALFORMED,
    REFUSAL_PROTOCOL_ERROR, /* the first packet is no CONNECT */
    REFUSAL_NO_BACKEND,     /* none can be reached */
    REFUSAL_TOO_MANY_CONNECTIONS,
    REFUSAL_TOO_MANY_OF_SOURCE,
    REFUSAL_BUSY,
    REFUSAL_DRAINING,
    REFUSAL_COUNT
};

enum { POLICY_DETAIL_ROOM = 256 };

struct decision {
    bool admitted;
    enum refusal refusal;
    const struct config_rule *rule; /* that decided; NULL: `otherwise` */
    size_t backend;                 /* index into config.backends, SIZE_MAX: the listener's */
    /* What was asked for and what was there, for the log and the Reason String: "rule \"meters\"
     * requires TLS 1.3, the client speaks TLS 1.2". No secret; escaped by whoever prints it. */
    char detail[POLICY_DETAIL_ROOM];
};

/* A policy with what makes many rules quick to look through. Immutable: threads share it. */
struct policy;

/* Gives a policy (policy_free) that borrows `config`, or NULL: out of memory. */
struct policy *policy_new(const struct config_policy *config);
void policy_free(struct policy *policy);
const struct config_policy *policy_config(const struct policy *policy);

/* `policy` NULL admits everybody. `now` is for `until`. Borrows all; the decision lends from the
 * policy's configuration. A binding on a field that the certificate does not have fails closed. */
struct decision policy_decide(const struct policy *policy, const struct facts *facts, time_t now);
