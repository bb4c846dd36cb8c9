// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* ---------------------------------------------------------------------------------------- match */

static bool matches_any(const struct config_strings *globs, struct span text)
{
    for (size_t i = 0; i < globs->count; i++)
        if (text_glob(span_of(globs->items[i]), text)) return true;
    return globs->count == 0;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* DNS names are at most 255 bytes long; a glob that is longer has wildcards to spare or matches
 * none of them. */
static bool matches_name(const char *glob, struct span name)
{
    uint8_t small_glob[512];
    uint8_t small_name[256];
    struct span pattern = span_of(glob);
    if (pattern.length > sizeof small_glob || name.length > sizeof small_name) return false;
    for (size_t i = 0; i < pattern.length; i++)
        small_glob[i] = lower(pattern.data[i]);
    for (size_t i = 0; i < name.length; i++)
        small_name[i] = lower(name.data[i]);
    return text_glob((struct span){small_glob, pattern.length},
                     (struct span){small_name, name.length});
}

static bool matches_server_name(const struct config_strings *globs, struct span name)
{
    for (size_t i = 0; i < globs->count; i++)
        if (name.length > 0 && matches_name(globs->items[i], name)) return true;
    return globs->count == 0;
}

static bool is_in_range(const struct config_cidr *range, const struct in6_addr *address)
{
    unsigned whole = range->prefix / 8;
    unsigned rest = range->prefix % 8;
    if (memcmp(range->address.s6_addr, address->s6_addr, whole) != 0) return false;
    if (rest == 0) return true;
    uint8_t difference = range->address.s6_addr[whole] ^ address->s6_addr[whole];
    return difference >> (8 - rest) == 0;
}

static bool matches_source(const struct config_cidrs *ranges, const struct in6_addr *source)
{
    if (ranges->count == 0) return true;
    if (IN6_IS_ADDR_UNSPECIFIED(source)) return false; /* a unix socket is in no range */
    for (size_t i = 0; i < ranges->count; i++)
        if (is_in_range(&ranges->items[i], source)) return true;
    return false;
}

static bool matches_version(unsigned set, unsigned version)
{
    if (set == 0) return true;
    return version >= 3 && version <= 5 && (set & 1U << (version - 3)) != 0;
}

static bool matches(const struct config_rule *rule, const struct facts *facts, time_t now)
{
    if (rule->until != 0 && now >= rule->until) return false;
    if (rule->match.certificate == CONFIG_PRESENT && facts->certificate == NULL) return false;
    if (rule->match.certificate == CONFIG_ABSENT && facts->certificate != NULL) return false;
    if (rule->match.username.count > 0 && !facts->has_username) return false;
    return matches_version(rule->match.mqtt_versions, facts->mqtt_version) &&
           matches_source(&rule->match.source, &facts->source) &&
           matches_server_name(&rule->match.server_name, facts->server_name) &&
           matches_any(&rule->match.client_id, facts->client_id) &&
           matches_any(&rule->match.username, facts->username);
}

/* ------------------------------------------------------------------------------------ templates */

/* A template is read piece by piece, so that what a client sent stands for itself: its client id
 * "*" is a star, and no wildcard. */
struct place {
    struct span text;
    size_t at;
    struct span value; /* what is left of the name that is being filled in */
};

enum piece { PIECE_END, PIECE_BYTE, PIECE_ANY_BYTE, PIECE_ANY_RUN, PIECE_WRONG };

/* The name of `${name}` at the place; empty: none begins here. */
static struct span name_at(const struct place *place)
{
    const uint8_t *from = place->text.data + place->at;
    size_t left = place->text.length - place->at;
    if (left < 3 || from[0] != '$' || from[1] != '{') return (struct span){NULL, 0};
    const uint8_t *end = memchr(from, '}', left);
    if (end == NULL) return (struct span){NULL, 0};
    return (struct span){from + 2, (size_t)(end - from) - 2};
}

static struct span value_of(struct span name, const struct facts *facts)
{
    if (span_is(name, "client_id")) return facts->client_id;
    if (span_is(name, "server_name")) return facts->server_name;
    if (span_is(name, "username") && facts->has_username) return facts->username;
    return (struct span){NULL, 0};
}

/* Steps over one piece. A value that is not there is wrong, so that "${username}*" does not match
 * everything for a client without one. */
static enum piece next_piece(struct place *place, const struct facts *facts, uint8_t *byte)
{
    struct span name = name_at(place);
    if (place->value.length == 0 && name.length > 0) {
        place->at += name.length + 3;
        place->value = value_of(name, facts);
        if (place->value.length == 0) return PIECE_WRONG;
    }
    if (place->value.length > 0) {
        *byte = *place->value.data++;
        place->value.length--;
        return PIECE_BYTE;
    }
    if (place->at == place->text.length) return PIECE_END;
    *byte = place->text.data[place->at++];
    if (*byte == '*') return PIECE_ANY_RUN;
    if (*byte == '?') return PIECE_ANY_BYTE;
    if (*byte == '$' && place->at < place->text.length && place->text.data[place->at] == '$')
        place->at++;
    return PIECE_BYTE;
}

static bool matches_template(const char *template, const struct facts *facts, struct span text)
{
    struct place place = {.text = span_of(template)};
    struct place after_star = place;
    bool star = false;
    size_t at = 0;
    size_t star_at = 0;
    for (;;) {
        uint8_t byte = 0;
        enum piece piece = next_piece(&place, facts, &byte);
        if (piece == PIECE_WRONG) return false;
        if (piece == PIECE_END && at == text.length) return true;
        if (piece == PIECE_ANY_RUN) {
            star = true;
            after_star = place;
            star_at = at;
        } else if (at < text.length &&
                   (piece == PIECE_ANY_BYTE || (piece == PIECE_BYTE && byte == text.data[at]))) {
            at++;
        } else if (star && star_at < text.length) {
            place = after_star;
            at = ++star_at;
        } else {
            return false;
        }
    }
}

static bool template_names(const char *template, const char *wanted)
{
    for (struct place place = {.text = span_of(template)}; place.at < place.text.length;) {
        struct span name = name_at(&place);
        if (name.length > 0 && span_is(name, wanted)) return true;
        if (name.length > 0)
            place.at += name.length + 3;
        else
            place.at += strncmp(template + place.at, "$$", 2) == 0 ? 2 : 1;
    }
    return false;
}

static bool any_names(const struct config_strings *templates, const char *wanted)
{
    for (size_t i = 0; i < templates->count; i++)
        if (template_names(templates->items[i], wanted)) return true;
    return false;
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

static bool has_common_name(const struct config_strings *templates, const struct facts *facts)
{
    const char *name = facts->certificate->common_name;
    if (name == NULL || name[0] == '\0') return false;
    for (size_t i = 0; i < templates->count; i++)
        if (matches_template(templates->items[i], facts, span_of(name))) return true;
    return false;
}

static void refuse_common_name(struct decision *decision, const struct facts *facts)
{
    const struct config_rule *rule = decision->rule;
    const char *name = facts->certificate->common_name;
    const char *what = "server name";
    struct span value = facts->server_name;
    decision->refusal = REFUSAL_COMMON_NAME;
    if (any_names(&rule->require.common_name, "client_id")) {
        decision->refusal = REFUSAL_CLIENT_ID;
        what = "client id";
        value = facts->client_id;
    } else if (any_names(&rule->require.common_name, "username")) {
        decision->refusal = REFUSAL_USERNAME;
        what = "username";
        value = facts->has_username ? facts->username : (struct span){NULL, 0};
    } else if (!any_names(&rule->require.common_name, "server_name")) {
        (void)snprintf(decision->detail, sizeof decision->detail,
                       "rule \"%.64s\" does not allow the certificate's common name \"%.*s\"",
                       name_of(rule), QUOTED, name == NULL ? "" : name);
        return;
    }
    (void)snprintf(decision->detail, sizeof decision->detail,
                   "rule \"%.64s\" does not allow the %s \"%.*s\" with a certificate whose common "
                   "name is \"%.*s\"",
                   name_of(rule), what, shown(value), text_of(value), QUOTED,
                   name == NULL ? "" : name);
}

/* Says in the decision what the client lacks, if anything. */
static void require(struct decision *decision, const struct facts *facts)
{
    const struct config_rule *rule = decision->rule;
    const struct config_strings *names = &rule->require.common_name;
    if (facts->tls_version < rule->require.tls_version) {
        decision->refusal = REFUSAL_TLS_VERSION;
        (void)snprintf(decision->detail, sizeof decision->detail,
                       "rule \"%.64s\" requires TLS %s, the client speaks TLS %s", name_of(rule),
                       tls_name(rule->require.tls_version), tls_name(facts->tls_version));
        return;
    }
    if (facts->certificate == NULL) {
        if (!rule->require.certificate && names->count == 0) return;
        decision->refusal = REFUSAL_CERTIFICATE_MISSING;
        (void)snprintf(decision->detail, sizeof decision->detail,
                       "rule \"%.64s\" requires a client certificate, the client sent none",
                       name_of(rule));
        return;
    }
    if (names->count > 0 && !has_common_name(names, facts)) refuse_common_name(decision, facts);
}

struct decision policy_decide(const struct config_policy *policy, const struct facts *facts,
                              time_t now)
{
    struct decision decision = {.admitted = true, .backend = SIZE_MAX};
    if (policy == NULL) return decision;
    for (size_t i = 0; i < policy->rules_count; i++) {
        if (!matches(&policy->rules[i], facts, now)) continue;
        decision.rule = &policy->rules[i];
        decision.backend = policy->rules[i].backend;
        require(&decision, facts);
        decision.admitted = decision.refusal == REFUSAL_NONE;
        return decision;
    }
    if (policy->otherwise_admit) return decision;
    decision.admitted = false;
    decision.refusal = REFUSAL_NO_RULE;
    (void)snprintf(decision.detail, sizeof decision.detail,
                   "policy \"%.64s\" has no rule for this client",
                   policy->name == NULL ? "" : policy->name);
    return decision;
}
