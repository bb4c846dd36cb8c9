// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/certificate_rule.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "proxy/policy/pattern.h"

/* --------------------------------------------------------------------------------------- fields */

/* What a requirement on a text looks at. */
struct field {
    const char *word;    /* "common name" */
    const char *several; /* "URIs"; NULL: there is one */
    size_t patterns;     /* offset in struct config_certificate_rule */
    size_t text;         /* offset in struct identity_certificate: the text, or the list */
    size_t count;        /* offset of the list's length */
};

#define PATTERNS(name) offsetof(struct config_certificate_rule, name)
#define TEXT(name)     offsetof(struct identity_certificate, name)

// clang-format off
static const struct field fields[] = {
    [CERTIFICATE_COMMON_NAME] = {"common name", NULL, PATTERNS(common_name), TEXT(common_name), 0},
    [CERTIFICATE_SUBJECT] = {"subject", NULL, PATTERNS(subject), TEXT(subject), 0},
    [CERTIFICATE_ISSUER] = {"issuer", NULL, PATTERNS(issuer), TEXT(issuer), 0},
    [CERTIFICATE_SERIAL] = {"serial number", NULL, PATTERNS(serial), TEXT(serial), 0},
    [CERTIFICATE_SAN_DNS] = {"DNS name", "DNS names", PATTERNS(san_dns), TEXT(san_dns),
                             TEXT(san_dns_count)},
    [CERTIFICATE_SAN_URI] = {"URI", "URIs", PATTERNS(san_uri), TEXT(san_uri),
                             TEXT(san_uri_count)},
    [CERTIFICATE_SAN_EMAIL] = {"e-mail address", "e-mail addresses", PATTERNS(san_email),
                               TEXT(san_email), TEXT(san_email_count)},
};
// clang-format on

struct values {
    const char *const *items;
    size_t count;
};

static struct values values_of(const struct field *field,
                               const struct identity_certificate *certificate)
{
    struct values values = {NULL, 1};
    const char *base = (const char *)certificate;
    if (field->several == NULL) {
        values.items = (const char *const *)(const void *)(base + field->text);
        if (values.items[0] == NULL || values.items[0][0] == '\0') values.count = 0;
        return values;
    }
    memcpy(&values.items, base + field->text, sizeof values.items);
    memcpy(&values.count, base + field->count, sizeof values.count);
    return values;
}

const struct config_patterns *certificate_rule_patterns(const struct config_certificate_rule *rule,
                                                        enum certificate_requirement requirement)
{
    if (requirement == CERTIFICATE_MET || requirement >= ARRAY_LENGTH(fields)) return NULL;
    return (const struct config_patterns *)(const void *)((const char *)rule +
                                                          fields[requirement].patterns);
}

/* A field that is not there, or empty, meets nothing. */
static bool meets(const struct config_certificate_rule *rule,
                  enum certificate_requirement requirement, const struct facts *facts)
{
    const struct config_patterns *patterns = certificate_rule_patterns(rule, requirement);
    if (patterns->count == 0) return true;
    struct values values = values_of(&fields[requirement], facts->certificate);
    for (size_t i = 0; i < values.count; i++)
        if (values.items[i][0] != '\0' &&
            pattern_any_filled(patterns, facts, span_of(values.items[i])))
            return true;
    return false;
}

/* ----------------------------------------------------------------------------------- the others */

static bool is_one_of(const struct config_strings *wanted, const char *text)
{
    for (size_t i = 0; text != NULL && i < wanted->count; i++)
        if (strcmp(wanted->items[i], text) == 0) return true;
    return wanted->count == 0;
}

static bool curve_allowed(unsigned curves, const char *name)
{
    if (strcmp(name, "P-256") == 0) return (curves & CONFIG_P256) != 0;
    if (strcmp(name, "P-384") == 0) return (curves & CONFIG_P384) != 0;
    return strcmp(name, "P-521") == 0 && (curves & CONFIG_P521) != 0;
}

static bool key_allowed(const struct config_certificate_rule *rule,
                        const struct identity_certificate *certificate)
{
    if (!rule->key.looked_at) return true;
    if (certificate->key == NULL) return false;
    if (strcmp(certificate->key, "RSA") == 0)
        return rule->key.rsa_min_bits != 0 && certificate->key_bits >= rule->key.rsa_min_bits;
    if (strcmp(certificate->key, "Ed25519") == 0) return rule->key.ed25519;
    return curve_allowed(rule->key.ecdsa_curves, certificate->key);
}

static bool lives_briefly(const struct config_certificate_rule *rule,
                          const struct identity_certificate *certificate)
{
    if (rule->max_lifetime_ms == 0) return true;
    return certificate->not_after >= certificate->not_before &&
           (uint64_t)(certificate->not_after - certificate->not_before) <=
               rule->max_lifetime_ms / 1000;
}

static bool has_usage(const struct config_certificate_rule *rule,
                      const struct identity_certificate *certificate)
{
    if (rule->extended_key_usage.count == 0) return true;
    for (size_t i = 0; i < certificate->usages_count; i++)
        if (is_one_of(&rule->extended_key_usage, certificate->usages[i])) return true;
    return false;
}

enum certificate_requirement certificate_rule_unmet(const struct config_certificate_rule *rule,
                                                    const struct facts *facts)
{
    const struct identity_certificate *certificate = facts->certificate;
    for (unsigned i = CERTIFICATE_COMMON_NAME; i < ARRAY_LENGTH(fields); i++)
        if (!meets(rule, (enum certificate_requirement)i, facts))
            return (enum certificate_requirement)i;
    if (!is_one_of(&rule->fingerprint_sha256, certificate->fingerprint_sha256))
        return CERTIFICATE_FINGERPRINT;
    if (!is_one_of(&rule->spki_sha256, certificate->spki_sha256)) return CERTIFICATE_SPKI;
    if (!key_allowed(rule, certificate)) return CERTIFICATE_KEY;
    if (!lives_briefly(rule, certificate)) return CERTIFICATE_LIFETIME;
    if (!has_usage(rule, certificate)) return CERTIFICATE_EXTENDED_KEY_USAGE;
    return CERTIFICATE_MET;
}

/* ------------------------------------------------------------------------------------- in words */

enum { QUOTED = 48 }; /* bytes of a certificate's text in a sentence */

static void describe_values(char *out, size_t room, const char *one, const char *several,
                            struct values values)
{
    if (values.count == 0)
        (void)snprintf(out, room, "%s is missing", one);
    else if (values.count == 1)
        (void)snprintf(out, room, "%s is \"%.*s\"", one, QUOTED, values.items[0]);
    else
        (void)snprintf(out, room, "%s are \"%.*s\" and %zu more", several, QUOTED, values.items[0],
                       values.count - 1);
}

void certificate_rule_describe(char *out, size_t room, enum certificate_requirement requirement,
                               const struct identity_certificate *certificate)
{
    char lifetime[TEXT_DURATION_ROOM];
    switch (requirement) {
    case CERTIFICATE_FINGERPRINT:
        (void)snprintf(out, room, "SHA-256 fingerprint is %s", certificate->fingerprint_sha256);
        return;
    case CERTIFICATE_SPKI:
        (void)snprintf(out, room, "public key has the SHA-256 %s", certificate->spki_sha256);
        return;
    case CERTIFICATE_KEY:
        (void)snprintf(out, room, "key is %.*s of %u bits", QUOTED, certificate->key,
                       certificate->key_bits);
        return;
    case CERTIFICATE_LIFETIME:
        (void)snprintf(out, room, "lifetime is %s",
                       text_duration(lifetime, certificate->not_after - certificate->not_before));
        return;
    case CERTIFICATE_EXTENDED_KEY_USAGE:
        describe_values(out, room, "extended key usage", "extended key usages",
                        (struct values){certificate->usages, certificate->usages_count});
        return;
    default:
        break;
    }
    assert(requirement != CERTIFICATE_MET && requirement < ARRAY_LENGTH(fields));
    const struct field *field = &fields[requirement];
    describe_values(out, room, field->word, field->several, values_of(field, certificate));
}
