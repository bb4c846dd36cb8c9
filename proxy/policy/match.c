// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/match.h"

#include "config/address.h"
#include "proxy/policy/certificate_rule.h"
#include "proxy/policy/pattern.h"

static bool matches_source(const struct config_cidrs *ranges, const struct in6_addr *source)
{
    if (ranges->count == 0) return true;
    if (IN6_IS_ADDR_UNSPECIFIED(source)) return false; /* a unix socket is in no range */
    return address_in_ranges(ranges, source);
}

static bool matches_version(unsigned set, unsigned version)
{
    if (set == 0) return true;
    return version >= 3 && version <= 5 && (set & 1U << (version - 3)) != 0;
}

static enum mismatch match_certificate(const struct config_rule *rule, const struct facts *facts)
{
    switch (rule->match.certificate) {
    case CONFIG_PRESENT:
        if (facts->certificate == NULL) return MISMATCH_CERTIFICATE_ABSENT;
        if (certificate_rule_unmet(&rule->match.certificate_is, facts) != CERTIFICATE_MET)
            return MISMATCH_CERTIFICATE;
        break;
    case CONFIG_ABSENT:
        if (facts->certificate != NULL) return MISMATCH_CERTIFICATE_PRESENT;
        break;
    case CONFIG_ANY:
        break;
    }
    return MATCH_HOLDS;
}

enum mismatch match_rule(const struct config_rule *rule, const struct facts *facts, time_t now)
{
    bool has_username = facts->has_username || rule->match.username.count == 0;
    if (rule->until != 0 && now >= rule->until) return MISMATCH_UNTIL;
    if (!pattern_any(&rule->match.client_id, facts->client_id)) return MISMATCH_CLIENT_ID;
    if (!has_username || !pattern_any(&rule->match.username, facts->username))
        return MISMATCH_USERNAME;
    if (!pattern_any_name(&rule->match.server_name, facts->server_name))
        return MISMATCH_SERVER_NAME;
    if (!matches_source(&rule->match.source, &facts->source)) return MISMATCH_SOURCE;
    if (!matches_version(rule->match.mqtt_versions, facts->mqtt_version))
        return MISMATCH_MQTT_VERSION;
    return match_certificate(rule, facts);
}
