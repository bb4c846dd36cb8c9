// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/policy/certificate_rule.h"
#include "proxy/policy/match.h"
#include "proxy/policy/pattern.h"

/* What a rule cannot do without, one behind the other, so that thousands of rules that are not for
 * a client are passed over without being looked at. */
struct gate {
    uint64_t client_id;
    uint64_t username;
    uint64_t server_name;
};

struct policy {
    const struct config_policy *config;
    struct gate gates[];
};

struct policy *policy_new(const struct config_policy *config)
{
    struct policy *policy = malloc(sizeof *policy + config->rules_count * sizeof(struct gate));
    if (policy == NULL) return NULL;
    policy->config = config;
    for (size_t i = 0; i < config->rules_count; i++)
        policy->gates[i] = (struct gate){
            .client_id = pattern_needs(&config->rules[i].match.client_id, false),
            .username = pattern_needs(&config->rules[i].match.username, false),
            .server_name = pattern_needs(&config->rules[i].match.server_name, true),
        };
    return policy;
}

void policy_free(struct policy *policy)
{
    free(policy);
}

const struct config_policy *policy_config(const struct policy *policy)
{
    return policy->config;
}

/* -------------------------------------------------------------------------------------- require */

enum { QUOTED = 48 }; /* bytes of a client's text in a detail */

static int shown(struct span text)
{
    return text.length < QUOTED ? (int)text.length : QUOTED;
}

static const char *text_of(struct span text)
{
    return text.length == 0 ? "" : (const char *)text.data;
}

static const char *name_of(const struct config_rule *rule)
{
    return rule->name == NULL ? "" : rule->name;
}

static const char *tls_name(unsigned version)
{
    return version == IDENTITY_TLS_1_3 ? "1.3" : "1.2";
}

static void refuse_binding(struct decision *decision, const char *what, struct span value,
                           const char *certificate)
{
    (void)snprintf(decision->detail, sizeof decision->detail,
                   "rule \"%.64s\" does not allow the %s \"%.*s\" with a certificate whose %s",
                   name_of(decision->rule), what, shown(value), text_of(value), certificate);
}

/* The client is told of what it can change itself: its client id before its certificate. */
static void refuse_certificate(struct decision *decision, const struct facts *facts,
                               enum certificate_requirement unmet)
{
    char found[112];
    const struct config_patterns *patterns = certificate_rule_patterns(
        &decision->rule->require.certificate_is, unmet);
    struct span username = facts->has_username ? facts->username : (struct span){NULL, 0};
    certificate_rule_describe(found, sizeof found, unmet, facts->certificate);
    decision->refusal = unmet == CERTIFICATE_COMMON_NAME ? REFUSAL_COMMON_NAME
                                                         : REFUSAL_CERTIFICATE;
    if (patterns != NULL && pattern_names(patterns, "client_id")) {
        decision->refusal = REFUSAL_CLIENT_ID;
        refuse_binding(decision, "client id", facts->client_id, found);
    } else if (patterns != NULL && pattern_names(patterns, "username")) {
        decision->refusal = REFUSAL_USERNAME;
        refuse_binding(decision, "username", username, found);
    } else if (patterns != NULL && pattern_names(patterns, "server_name")) {
        refuse_binding(decision, "server name", facts->server_name, found);
    } else {
        (void)snprintf(decision->detail, sizeof decision->detail,
                       "rule \"%.64s\" does not allow a certificate whose %s",
                       name_of(decision->rule), found);
    }
}

/* Says in the decision what the client lacks, if anything. */
static void require(struct decision *decision, const struct facts *facts)
{
    const struct config_rule *rule = decision->rule;
    if (facts->tls_version < rule->require.tls_version) {
        decision->refusal = REFUSAL_TLS_VERSION;
        (void)snprintf(decision->detail, sizeof decision->detail,
                       "rule \"%.64s\" requires TLS %s, the client speaks TLS %s", name_of(rule),
                       tls_name(rule->require.tls_version), tls_name(facts->tls_version));
        return;
    }
    if (!rule->require.certificate) return;
    if (facts->certificate == NULL) {
        decision->refusal = REFUSAL_CERTIFICATE_MISSING;
        (void)snprintf(decision->detail, sizeof decision->detail,
                       "rule \"%.64s\" requires a client certificate, the client sent none",
                       name_of(rule));
        return;
    }
    enum certificate_requirement unmet = certificate_rule_unmet(&rule->require.certificate_is,
                                                                facts);
    if (unmet != CERTIFICATE_MET) refuse_certificate(decision, facts, unmet);
}

/* --------------------------------------------------------------------------------------- decide */

static struct gate pairs_of(const struct facts *facts)
{
    uint8_t small[256];
    struct span name = {small, 0};
    for (; name.length < facts->server_name.length && name.length < sizeof small; name.length++) {
        uint8_t c = facts->server_name.data[name.length];
        small[name.length] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
    }
    return (struct gate){
        .client_id = pattern_pairs(facts->client_id),
        .username = facts->has_username ? pattern_pairs(facts->username) : 0,
        .server_name = pattern_pairs(name),
    };
}

static bool passes(const struct gate *gate, const struct gate *pairs)
{
    return ((gate->client_id & ~pairs->client_id) | (gate->username & ~pairs->username) |
            (gate->server_name & ~pairs->server_name)) == 0;
}

struct decision policy_decide(const struct policy *policy, const struct facts *facts, time_t now)
{
    struct decision decision = {.admitted = true, .backend = SIZE_MAX};
    if (policy == NULL) return decision;
    const struct config_policy *config = policy->config;
    struct gate pairs = pairs_of(facts);
    for (size_t i = 0; i < config->rules_count; i++) {
        const struct config_rule *rule = &config->rules[i];
        if (!passes(&policy->gates[i], &pairs)) continue;
        if (match_rule(rule, facts, now) != MATCH_HOLDS) continue;
        decision.rule = rule;
        decision.backend = rule->backend;
        require(&decision, facts);
        decision.admitted = decision.refusal == REFUSAL_NONE;
        return decision;
    }
    if (config->otherwise_admit) return decision;
    decision.admitted = false;
    decision.refusal = REFUSAL_NO_RULE;
    (void)snprintf(decision.detail, sizeof decision.detail,
                   "policy \"%.64s\" has no rule for this client",
                   config->name == NULL ? "" : config->name);
    return decision;
}
