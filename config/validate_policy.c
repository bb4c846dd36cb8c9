// SPDX-License-Identifier: GPL-3.0-or-later
/* Rules of policies: patterns that can be read, digests that are some, filters that can match. */
#include <string.h>
#include <time.h>

#include "base/regex.h"
#include "base/text.h"
#include "config/validate.h"

enum { NOTICE_S = 30 * 24 * 3600, DIGEST_DIGITS = 64 };

/* ------------------------------------------------------------------------------------- patterns */

static void free_regex(void *regex)
{
    regex_free(regex);
}

static void check_pattern(struct bind *bind, struct config_pattern *pattern,
                          struct config_mark fallback)
{
    char why[256];
    if (pattern->glob && pattern->regex) {
        diagnostics_error(bind->found, bind_mark(bind, &pattern->regex),
                          "a pattern is either a glob or a regex: remove one of them");
        return;
    }
    if (!pattern->glob && !pattern->regex) {
        /* What could not be read has been said already. */
        if (bind->found->errors == 0)
            diagnostics_error(bind->found, fallback,
                              "a pattern needs one of the keys \"glob\" and \"regex\"");
        return;
    }
    if (!pattern->regex) return;
    struct regex *regex = regex_new(pattern->regex, why, sizeof why);
    if (!regex) {
        diagnostics_error(bind->found, bind_mark_or(bind, &pattern->regex, fallback),
                          "regex: it cannot be read: %s", why);
        return;
    }
    arena_own(bind->arena, regex, free_regex);
    pattern->compiled = regex;
}

static void check_patterns(struct bind *bind, struct config_patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        check_pattern(bind, &patterns->items[i], bind_mark(bind, &patterns->items));
}

/* --------------------------------------------------------------------------------- certificates */

/* As openssl prints it, or as it is kept: lower case, no colons. */
static bool tidy_digest(char *text)
{
    size_t length = 0;
    for (const char *from = text; *from; from++) {
        if (*from == ':') continue;
        char digit = *from;
        if (digit >= 'A' && digit <= 'F') digit = (char)(digit + ('a' - 'A'));
        if (!strchr("0123456789abcdef", digit) || length == DIGEST_DIGITS) return false;
        text[length++] = digit;
    }
    text[length] = 0;
    return length == DIGEST_DIGITS;
}

static void check_digests(struct bind *bind, const struct config_strings *digests, const char *name)
{
    for (size_t i = 0; i < digests->count; i++)
        if (digests->items[i] && !tidy_digest(digests->items[i]))
            diagnostics_error(bind->found, bind_mark(bind, &digests->items[i]),
                              "%s: \"%.80s\" is no SHA-256 digest, which has 64 hexadecimal "
                              "digits",
                              name, digests->items[i]);
}

static bool is_oid(const char *text)
{
    size_t arcs = 0;
    for (; *text; arcs++) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 10) return false;
        text += digits;
        if (*text == '.' && *++text == 0) return false;
    }
    return arcs > 1;
}

static void check_usages(struct bind *bind, const struct config_strings *usages)
{
    static const char *const known[] = {"clientAuth", "serverAuth"};
    for (size_t i = 0; i < usages->count; i++) {
        const char *usage = usages->items[i];
        if (!usage || is_oid(usage)) continue;
        bool is_known = false;
        for (size_t j = 0; j < ARRAY_LENGTH(known); j++)
            is_known = is_known || strcmp(usage, known[j]) == 0;
        if (!is_known)
            diagnostics_error(bind->found, bind_mark(bind, &usages->items[i]),
                              "extended_key_usage: \"%.60s\" is not known: it can be clientAuth, "
                              "serverAuth, or an OID such as 1.3.6.1.4.1.311.20.2.2",
                              usage);
    }
}

static void check_certificate(struct bind *bind, struct config_certificate_rule *rule)
{
    struct config_patterns *const patterns[] = {&rule->common_name, &rule->subject, &rule->issuer,
                                                &rule->serial,      &rule->san_dns, &rule->san_uri,
                                                &rule->san_email};
    for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
        check_patterns(bind, patterns[i]);
    check_digests(bind, &rule->fingerprint_sha256, "fingerprint_sha256");
    check_digests(bind, &rule->spki_sha256, "spki_sha256");
    check_usages(bind, &rule->extended_key_usage);
    if (rule->key.looked_at && rule->key.rsa_min_bits == 0 && rule->key.ecdsa_curves == 0 &&
        !rule->key.ed25519)
        diagnostics_error(bind->found, bind_mark(bind, &rule->key.looked_at),
                          "key: no kind of key is allowed: name some with rsa_min_bits, "
                          "ecdsa_curves or ed25519");
}

/* --------------------------------------------------------------------------------------- topics */

/* MQTT 5, 4.7.1: a wildcard has its level for itself, and # is the last one. */
static bool is_filter(const char *text)
{
    for (const char *level = text; level; level = strchr(level, '/')) {
        if (*level == '/') level++;
        size_t length = strcspn(level, "/");
        size_t wild = strcspn(level, "+#");
        if (wild >= length) continue;
        if (length != 1 || (level[0] == '#' && level[1] != 0)) return false;
    }
    return true;
}

static void check_filters(struct bind *bind, const struct config_strings *filters)
{
    for (size_t i = 0; i < filters->count; i++)
        if (filters->items[i] && !is_filter(filters->items[i]))
            diagnostics_error(bind->found, bind_mark(bind, &filters->items[i]),
                              "\"%.80s\" is no topic filter: + stands for one whole level, and # "
                              "for all that follow, at the end",
                              filters->items[i]);
}

void validate_broker(struct bind *bind, const struct config_broker *broker)
{
    check_filters(bind, &broker->subscribe_deny);
}

static void check_topics(struct bind *bind, struct config_topics *topics)
{
    topics->has_allow = bind_given(bind, &topics->allow.items);
    check_filters(bind, &topics->allow);
    check_filters(bind, &topics->deny);
}

/* ---------------------------------------------------------------------------------------- rules */

static void check_rule(struct bind *bind, struct config_rule *rule)
{
    check_patterns(bind, &rule->match.client_id);
    check_patterns(bind, &rule->match.username);
    check_patterns(bind, &rule->match.server_name);
    check_certificate(bind, &rule->match.certificate_is);
    check_certificate(bind, &rule->require.certificate_is);
    check_topics(bind, &rule->publish);
    check_topics(bind, &rule->subscribe);
}

static bool matches_everyone(const struct bind *bind, const struct config_rule *rule)
{
    const void *const fields[] = {
        &rule->match.client_id.items,
        &rule->match.username.items,
        &rule->match.server_name.items,
        &rule->match.source.items,
        &rule->match.mqtt_versions,
        &rule->match.certificate,
        &rule->until,
    };
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
        if (bind_given(bind, fields[i])) return false;
    return true;
}

static void check_until(struct bind *bind, const struct config_rule *rule, time_t now)
{
    if (rule->until == 0) return;
    if (rule->until <= now)
        diagnostics_warning(bind->found, bind_mark(bind, &rule->until),
                            "the rule \"%s\" no longer matches anyone: remove it, or choose a "
                            "later date",
                            rule->name);
    else if (rule->until - now <= NOTICE_S)
        diagnostics_warning(bind->found, bind_mark(bind, &rule->until),
                            "the rule \"%s\" matches for %lld more days only: see who still needs "
                            "it",
                            rule->name, (long long)(rule->until - now) / (24LL * 3600));
}

static void check_policy(struct bind *bind, struct config_policy *policy, time_t now)
{
    const struct config_rule *last = NULL;
    for (size_t i = 0; i < policy->rules_count; i++) {
        const struct config_rule *rule = &policy->rules[i];
        check_until(bind, rule, now);
        check_rule(bind, &policy->rules[i]);
        if (last)
            diagnostics_warning(bind->found, rule->mark,
                                "the rule \"%s\" is never reached, because \"%s\" before it "
                                "matches everyone: put it first, or remove it",
                                rule->name, last->name);
        else if (matches_everyone(bind, rule))
            last = rule;
    }
    if (policy->rules_count == 0 && !policy->otherwise_admit)
        diagnostics_warning(bind->found, policy->mark,
                            "the policy has no rules and refuses everyone: add rules");
}

void validate_policies(struct bind *bind, struct config *config)
{
    time_t now = time(NULL);
    for (size_t i = 0; i < config->policies_count; i++)
        check_policy(bind, &config->policies[i], now);
}
