// SPDX-License-Identifier: GPL-3.0-or-later
/* The part of the schema that is about policies. */
#include "config/schema_rows.h"

static const struct schema_word mqtt_versions[] = {
    {"3.1",   CONFIG_MQTT_3_1  },
    {"3.1.1", CONFIG_MQTT_3_1_1},
    {"5",     CONFIG_MQTT_5    }
};
static const struct schema_word presences[] = {
    {"present", CONFIG_PRESENT},
    {"absent",  CONFIG_ABSENT }
};
static const struct schema_word curves[] = {
    {"P-256", CONFIG_P256},
    {"P-384", CONFIG_P384},
    {"P-521", CONFIG_P521}
};
static const struct schema_word violations[] = {
    {"drop",  false},
    {"close", true }
};
static const struct schema_word otherwises[] = {
    {"refuse", false},
    {"admit",  true }
};

/* clang-format 14 crashes on rows that mix positions and names. */
// clang-format off
#define PATTERN_KEYS(names)                                                                        \
    {"glob", "A glob: `*` stands for any characters, also none, and `?` for one.", SCHEMA_TEXT,    \
     FIELD(struct config_pattern, glob), .empty = true, .templates = (names)},                     \
    {"regex",                                                                                      \
     "A regular expression in RE2's syntax, which all of the text must match; no `${...}`.",       \
     SCHEMA_TEXT, FIELD(struct config_pattern, regex), .max = 4096, .empty = true}
static const struct schema_key pattern_keys[] = {PATTERN_KEYS(NULL)};
static DEFINE_MAP(pattern_map, "a pattern", pattern_keys, struct config_pattern, NO_MARK,
                  .scalar_key = "glob");
static const struct schema_key filled_pattern_keys[] = {PATTERN_KEYS(&names_templates)};
static DEFINE_MAP(filled_pattern_map, "a pattern", filled_pattern_keys, struct config_pattern,
                  NO_MARK, .scalar_key = "glob");

static const struct schema_key key_keys[] = {
    {"rsa_min_bits", "RSA keys of at least so many bits are allowed.", SCHEMA_NUMBER,
     FIELD(struct config_certificate_rule, key.rsa_min_bits), .min = 1024, .max = 16384,
     .initial_note = "no RSA"},
    {"ecdsa_curves", "ECDSA keys on these curves are allowed.", SCHEMA_WORD,
     FIELD(struct config_certificate_rule, key.ecdsa_curves), .list = true, WORDS(curves),
     .initial_note = "no ECDSA"},
    {"ed25519", "Whether Ed25519 keys are allowed.", SCHEMA_BOOL,
     FIELD(struct config_certificate_rule, key.ed25519), .initial = "false"},
};
static DEFINE_MAP(key_map, "key", key_keys, struct config_certificate_rule, NO_MARK);

#define FIELD_PATTERNS(field) STRINGS(struct config_certificate_rule, field), MAP(filled_pattern_map)
static const struct schema_key certificate_rule_keys[] = {
    {"common_name",
     "Patterns, any of which the common name of the subject matches, with ${client_id}, ${username} and "
     "${server_name} filled in, as in the keys below.",
     SCHEMA_MAP, FIELD_PATTERNS(common_name)},
    {"subject", "Likewise the whole subject, written `CN=meter-7,O=Example`.", SCHEMA_MAP,
     FIELD_PATTERNS(subject)},
    {"issuer", "Likewise the issuer's name.", SCHEMA_MAP, FIELD_PATTERNS(issuer)},
    {"serial", "Likewise the serial number, in lower case hexadecimal.", SCHEMA_MAP,
     FIELD_PATTERNS(serial)},
    {"san_dns", "Likewise one of the DNS names of the SAN.", SCHEMA_MAP, FIELD_PATTERNS(san_dns)},
    {"san_uri", "Likewise one of its URIs, such as SPIFFE ids.", SCHEMA_MAP,
     FIELD_PATTERNS(san_uri)},
    {"san_email", "Likewise one of its e-mail addresses.", SCHEMA_MAP, FIELD_PATTERNS(san_email)},
    {"fingerprint_sha256",
     "The SHA-256 fingerprint of the certificate is one of these, in hexadecimal, with or without colons.",
     SCHEMA_TEXT, STRINGS(struct config_certificate_rule, fingerprint_sha256)},
    {"spki_sha256",
     "The SHA-256 of its public key (SubjectPublicKeyInfo) is one of these, which a renewal with the same "
     "key leaves as it is.",
     SCHEMA_TEXT, STRINGS(struct config_certificate_rule, spki_sha256)},
    {"key", "What keys are allowed; those that are not named are not.", SCHEMA_SWITCHED_MAP,
     FIELD(struct config_certificate_rule, key.looked_at), MAP(key_map), .map_offset = 0,
     .initial = "false"},
    {"max_lifetime", "The longest time from notBefore to notAfter. 0: any.", SCHEMA_DURATION,
     FIELD(struct config_certificate_rule, max_lifetime_ms), .min = 0, .max = 36500 * MS_DAY,
     .initial = "0"},
    {"extended_key_usage",
     "The extended key usage has one of these: clientAuth, or an OID in dots. A certificate without the "
     "extension does not.",
     SCHEMA_TEXT, STRINGS(struct config_certificate_rule, extended_key_usage)},
};
static DEFINE_MAP(certificate_rule_map, "certificate", certificate_rule_keys,
                  struct config_certificate_rule, NO_MARK);

#define MATCH_PATTERNS(field) STRINGS(struct config_rule, match.field), MAP(pattern_map)
static const struct schema_key match_keys[] = {
    {"client_id", "Patterns, any of which the client id matches.", SCHEMA_MAP,
     MATCH_PATTERNS(client_id)},
    {"username", "Patterns, any of which the username matches; without a username none does.",
     SCHEMA_MAP, MATCH_PATTERNS(username)},
    {"server_name",
     "Patterns, any of which the TLS server name matches, whatever the case of its letters.",
     SCHEMA_MAP, MATCH_PATTERNS(server_name)},
    {"source", "Ranges of addresses, any of which the client comes from.", SCHEMA_CIDR,
     STRINGS(struct config_rule, match.source)},
    {"mqtt_version", "The MQTT versions, any of which the client speaks.", SCHEMA_WORD,
     FIELD(struct config_rule, match.mqtt_versions), .list = true, WORDS(mqtt_versions)},
    {"certificate",
     "Whether the client has shown a certificate, or what it is like.", SCHEMA_SWITCHED_MAP,
     FIELD(struct config_rule, match.certificate), WORDS(presences), MAP(certificate_rule_map),
     .map_offset = offsetof(struct config_rule, match.certificate_is),
     .initial_note = "not looked at"},
};
static DEFINE_MAP(match_map, "match", match_keys, struct config_rule, NO_MARK);

static const struct schema_key require_keys[] = {
    {"tls_version", "The oldest TLS version that will do.", SCHEMA_WORD,
     FIELD(struct config_rule, require.tls_version), WORDS(schema_tls_versions),
     .initial_note = "what the listener speaks"},
    {"certificate", "A client certificate: any (true), or one that is as the map says.",
     SCHEMA_SWITCHED_MAP, FIELD(struct config_rule, require.certificate),
     MAP(certificate_rule_map), .map_offset = offsetof(struct config_rule, require.certificate_is),
     .initial = "false"},
};
static DEFINE_MAP(require_map, "require", require_keys, struct config_rule, NO_MARK);

static const struct schema_key connect_keys[] = {
    {"client_id", "The client id that the broker is told.", SCHEMA_TEXT,
     FIELD(struct config_rule, connect.client_id), .templates = &names_identity,
     .initial_note = "the client's"},
    {"username", "The username that the broker is told.", SCHEMA_TEXT,
     FIELD(struct config_rule, connect.username), .templates = &names_identity,
     .initial_note = "the client's"},
    {"password_file",
     "A file whose first line is the password that the broker is told.", SCHEMA_PATH,
     FIELD(struct config_rule, connect.password_file), .initial_note = "the client's password"},
    {"user_properties",
     "User properties that are added to the CONNECT of MQTT 5 clients. Those of the client that have one of "
     "these names are left out.",
     SCHEMA_PAIRS, FIELD(struct config_rule, connect.user_properties),
     .templates = &names_identity},
};
static DEFINE_MAP(connect_map, "connect", connect_keys, struct config_rule, NO_MARK);

#define TOPICS(field)                                                                              \
    SCHEMA_TEXT, STRINGS(struct config_rule, field), .templates = &names_identity
static const struct schema_key publish_keys[] = {
    {"allow", "Topic filters; what none of them matches is refused.", TOPICS(publish.allow),
     .initial_note = "all topics"},
    {"deny", "Topic filters; what one of them matches is refused.", TOPICS(publish.deny)},
    {"on_violation",
     "What becomes of a refused PUBLISH of QoS 0, which nobody can be told of: it is dropped, or the "
     "session ends.",
     SCHEMA_WORD, FIELD(struct config_rule, on_violation_close), WORDS(violations),
     .initial = "drop"},
};
static DEFINE_MAP(publish_map, "publish", publish_keys, struct config_rule, NO_MARK);
static const struct schema_key subscribe_keys[] = {
    {"allow", "Topic filters; a subscription that none of them covers is refused.",
     TOPICS(subscribe.allow), .initial_note = "all topics"},
    {"deny",
     "Topic filters; a subscription that could bring a topic of one of them is refused.",
     TOPICS(subscribe.deny)},
};
static DEFINE_MAP(subscribe_map, "subscribe", subscribe_keys, struct config_rule, NO_MARK);

static const struct schema_key rule_keys[] = {
    {"name", "What refusals and logs call it.", SCHEMA_TEXT, FIELD(struct config_rule, name),
     .max = 255, .initial_note = "rule-1, rule-2, ..."},
    {"match", "Whom the rule is for; all of the keys must hold. Without it: everyone.", SCHEMA_MAP,
     .offset = 0, MAP(match_map)},
    {"require", "What such a client must fulfil to be admitted.", SCHEMA_MAP, .offset = 0,
     MAP(require_map)},
    {"until",
     "The day (from midnight UTC) or time from which on the rule no longer matches anyone.",
     SCHEMA_DATE, FIELD(struct config_rule, until), .initial_note = "for ever"},
    {"backend", "The backend of these clients.", SCHEMA_BACKEND,
     FIELD(struct config_rule, backend), .initial_note = "the listener's"},
    {"connect", "What the broker is told in place of what the client said in its CONNECT.",
     SCHEMA_MAP, .offset = 0, MAP(connect_map)},
    {"publish", "The topics that these clients may publish to, wills included.", SCHEMA_MAP,
     .offset = 0, MAP(publish_map)},
    {"subscribe", "The topics that they may subscribe to.", SCHEMA_MAP, .offset = 0,
     MAP(subscribe_map)},
};
static DEFINE_MAP(rule_map, "a rule", rule_keys, struct config_rule, MARKED(struct config_rule));

static const struct schema_key policy_keys[] = {
    {"name", "What listeners call it.", SCHEMA_TEXT, FIELD(struct config_policy, name), .max = 255,
     .required = true},
    {"rules", "The first rule whose `match` holds decides.", SCHEMA_MAP,
     LIST(struct config_policy, rules, rules_count), MAP(rule_map)},
    {"otherwise", "What happens to a client that no rule matches.", SCHEMA_WORD,
     FIELD(struct config_policy, otherwise_admit), WORDS(otherwises), .initial = "refuse"},
    {"recheck",
     "Whether connected clients are judged again when the policy, a CA or a CRL has changed, and those end "
     "that would be refused now.",
     SCHEMA_BOOL, FIELD(struct config_policy, recheck), .initial = "true"},
    {"recheck_spread", "The time over which they are ended, so that they do not come back at once.",
     SCHEMA_DURATION, FIELD(struct config_policy, recheck_spread_ms), .min = 0, .max = MS_HOUR,
     .initial = "10s"},
    {"end_at_certificate_expiry", "Whether a session ends when its client's certificate does.",
     SCHEMA_BOOL, FIELD(struct config_policy, end_at_certificate_expiry), .initial = "true"},
};
DEFINE_MAP(schema_policy, "a policy", policy_keys, struct config_policy,
                  MARKED(struct config_policy));
// clang-format on
