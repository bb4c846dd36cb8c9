// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/words.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "proxy/policy/certificate_rule.h"

enum { SHOWN_PATTERNS = 3, VALUE_ROOM = 128, LIST_ROOM = 192 };

/* "a", "b" or /c/ */
static void list_patterns(char *out, size_t room, const struct config_patterns *patterns)
{
    size_t used = 0;
    size_t shown = patterns->count < SHOWN_PATTERNS ? patterns->count : SHOWN_PATTERNS;
    out[0] = '\0';
    for (size_t i = 0; i < shown && used < room; i++) {
        const struct config_pattern *pattern = &patterns->items[i];
        const char *between = i == 0 ? "" : i + 1 == patterns->count ? " or " : ", ";
        used += (size_t)snprintf(out + used, room - used,
                                 pattern->regex != NULL ? "%s/%.60s/" : "%s\"%.60s\"", between,
                                 pattern->regex != NULL ? pattern->regex : pattern->glob);
    }
    if (patterns->count > shown && used < room)
        (void)snprintf(out + used, room - used, " or %zu more", patterns->count - shown);
}

static void say_value(char out[POLICY_WORDS_ROOM], const char *key, struct span value,
                      const struct config_patterns *patterns)
{
    char escaped[VALUE_ROOM];
    char list[LIST_ROOM];
    list_patterns(list, sizeof list, patterns);
    (void)text_escape(escaped, sizeof escaped, value); /* a long one is cut */
    (void)snprintf(out, POLICY_WORDS_ROOM, "%s \"%s\" is not %s", key, escaped, list);
}

static void say_missing(char out[POLICY_WORDS_ROOM], const char *key,
                        const struct config_patterns *patterns)
{
    char list[LIST_ROOM];
    list_patterns(list, sizeof list, patterns);
    (void)snprintf(out, POLICY_WORDS_ROOM, "there is no %s, which must be %s", key, list);
}

static void say_certificate(char out[POLICY_WORDS_ROOM], const struct config_rule *rule,
                            const struct facts *facts)
{
    char found[VALUE_ROOM];
    char shown[VALUE_ROOM];
    char list[LIST_ROOM] = "as the rule asks";
    enum certificate_requirement unmet = certificate_rule_unmet(&rule->match.certificate_is, facts);
    const struct config_patterns *patterns = certificate_rule_patterns(&rule->match.certificate_is,
                                                                       unmet);
    certificate_rule_describe(found, sizeof found, unmet, facts->certificate);
    if (patterns != NULL) list_patterns(list, sizeof list, patterns);
    (void)text_printable(shown, sizeof shown, found); /* a long one is cut */
    (void)snprintf(out, POLICY_WORDS_ROOM, "the certificate's %s, not %s", shown, list);
}

static void say_until(char out[POLICY_WORDS_ROOM], time_t until)
{
    char day[32] = "?";
    struct tm tm;
    if (gmtime_r(&until, &tm) != NULL)
        (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%SZ", &tm); /* "?" stays otherwise */
    (void)snprintf(out, POLICY_WORDS_ROOM, "its until, %s, has come", day);
}

void words_of_mismatch(char out[POLICY_WORDS_ROOM], const struct config_rule *rule,
                       const struct facts *facts, enum mismatch mismatch)
{
    switch (mismatch) {
    case MATCH_HOLDS:
        (void)snprintf(out, POLICY_WORDS_ROOM, "its match holds");
        return;
    case MISMATCH_UNTIL:
        say_until(out, rule->until);
        return;
    case MISMATCH_CLIENT_ID:
        say_value(out, "client_id", facts->client_id, &rule->match.client_id);
        return;
    case MISMATCH_USERNAME:
        if (facts->has_username)
            say_value(out, "username", facts->username, &rule->match.username);
        else
            say_missing(out, "username", &rule->match.username);
        return;
    case MISMATCH_SERVER_NAME:
        if (facts->server_name.length > 0)
            say_value(out, "server_name", facts->server_name, &rule->match.server_name);
        else
            say_missing(out, "server_name", &rule->match.server_name);
        return;
    case MISMATCH_SOURCE:
        (void)snprintf(out, POLICY_WORDS_ROOM, "the source is in none of its ranges");
        return;
    case MISMATCH_MQTT_VERSION:
        (void)snprintf(out, POLICY_WORDS_ROOM, "the MQTT version is none of its own");
        return;
    case MISMATCH_CERTIFICATE_ABSENT:
        (void)snprintf(out, POLICY_WORDS_ROOM, "it is for clients with a certificate");
        return;
    case MISMATCH_CERTIFICATE_PRESENT:
        (void)snprintf(out, POLICY_WORDS_ROOM, "it is for clients without a certificate");
        return;
    case MISMATCH_CERTIFICATE:
        say_certificate(out, rule, facts);
        return;
    }
}
