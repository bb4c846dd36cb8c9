// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/schema.h"

#include <string.h>

#include "base/attributes.h"
#include "base/text.h"
#include "config/config.h"

#define MS_SECOND 1000ULL
#define MS_HOUR   (3600 * MS_SECOND)
#define MS_DAY    (24 * MS_HOUR)
#define KIB       1024ULL
#define MIB       (1024 * KIB)
#define GIB       (1024 * MIB)

#define FIELD(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)
#define LIST(type, field, number)                                                                  \
    .list = true, .offset = offsetof(type, field), .count_offset = offsetof(type, number)
#define STRINGS(type, field) LIST(type, field.items, field.count)
#define WORDS(table)         .words = (table), .words_count = ARRAY_LENGTH(table)
#define MAP(table)           .map = &(table)
#define DEFINE_MAP(variable, title, table, type, ...)                                              \
    const struct schema_map variable = {.name = (title),                                           \
                                        .keys = (table),                                           \
                                        .count = ARRAY_LENGTH(table),                              \
                                        .size = sizeof(type),                                      \
                                        __VA_ARGS__}
#define MARKED(type) .mark_offset = offsetof(type, mark)
#define NO_MARK      .mark_offset = SCHEMA_NOWHERE

static const struct schema_word log_levels[] = {
    {"debug", LOG_DEBUG},
    {"info",  LOG_INFO },
    {"warn",  LOG_WARN },
    {"error", LOG_ERROR}
};
static const struct schema_word log_formats[] = {
    {"text", LOG_TEXT},
    {"json", LOG_JSON}
};
static const struct schema_word workers_auto[] = {
    {"auto", 0}
};
static const struct schema_word unknown_names[] = {
    {"default", false},
    {"refuse",  true }
};
static const struct schema_word tls_versions[] = {
    {"1.2", CONFIG_TLS_1_2},
    {"1.3", CONFIG_TLS_1_3}
};
static const struct schema_word profiles[] = {
    {"intermediate", CONFIG_PROFILE_INTERMEDIATE},
    {"modern",       CONFIG_PROFILE_MODERN      },
    {"iot",          CONFIG_PROFILE_IOT         }
};
static const struct schema_word client_certificates[] = {
    {"none",     CONFIG_CLIENT_CERTIFICATE_NONE    },
    {"optional", CONFIG_CLIENT_CERTIFICATE_OPTIONAL},
    {"required", CONFIG_CLIENT_CERTIFICATE_REQUIRED}
};
static const struct schema_word staplings[] = {
    {"off",  0},
    {"auto", 1}
};
static const struct schema_word crl_policies[] = {
    {"require",        false},
    {"allow_outdated", true }
};
static const struct schema_word idle_words[] = {
    {"keepalive", CONFIG_IDLE_KEEP_ALIVE},
    {"off",       CONFIG_IDLE_OFF       }
};
static const struct schema_word balances[] = {
    {"least_connections", CONFIG_LEAST_CONNECTIONS},
    {"round_robin",       CONFIG_ROUND_ROBIN      },
    {"client_id",         CONFIG_CLIENT_ID        }
};
static const struct schema_word mqtt_versions[] = {
    {"3.1",   CONFIG_MQTT_3_1  },
    {"3.1.1", CONFIG_MQTT_3_1_1},
    {"5",     CONFIG_MQTT_5    }
};
static const struct schema_word presences[] = {
    {"present", CONFIG_PRESENT},
    {"absent",  CONFIG_ABSENT }
};
static const struct schema_word proxy_protocols[] = {
    {"off", CONFIG_PROXY_OFF},
    {"v1",  CONFIG_PROXY_V1 },
    {"v2",  CONFIG_PROXY_V2 }
};
static const struct schema_word backend_profiles[] = {
    {"generic",   CONFIG_BACKEND_GENERIC  },
    {"mosquitto", CONFIG_BACKEND_MOSQUITTO},
    {"emqx",      CONFIG_BACKEND_EMQX     },
    {"vernemq",   CONFIG_BACKEND_VERNEMQ  },
    {"rabbitmq",  CONFIG_BACKEND_RABBITMQ }
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
static const struct schema_key log_keys[] = {
    {"level", "The least important lines that are still written.", SCHEMA_WORD,
     FIELD(struct config, log.level), WORDS(log_levels), .initial = "info"},
    {"format", "Lines for people (text) or one JSON object a line (json).", SCHEMA_WORD,
     FIELD(struct config, log.format), WORDS(log_formats), .initial = "text"},
    {"access", "One line when a session ends: who it was, and why it ended.", SCHEMA_BOOL,
     FIELD(struct config, log.access), .initial = "true"},
    {"file", "The file to append to; SIGUSR1 opens it again after a rotation.", SCHEMA_PATH,
     FIELD(struct config, log.file), .initial_note = "standard error"},
};
static DEFINE_MAP(log_map, "log", log_keys, struct config, NO_MARK);

static const struct schema_key certificate_keys[] = {
    {"certificate", "The PEM file with the certificate first, then its intermediates.",
     SCHEMA_PATH, FIELD(struct config_certificate, certificate), .required = true},
    {"private_key", "The PEM file with the private key of that certificate.", SCHEMA_PATH,
     FIELD(struct config_certificate, private_key), .required = true},
    {"server_names",
     "The server names that it is used for; `*.` in front stands for one label.", SCHEMA_TEXT,
     STRINGS(struct config_certificate, server_names),
     .initial_note = "the names in the certificate's SAN"},
};
static DEFINE_MAP(certificate_map, "an item of certificates", certificate_keys,
                  struct config_certificate, MARKED(struct config_certificate));

static const struct schema_key ticket_keys[] = {
    {"enabled", "Whether clients may resume TLS sessions with tickets.", SCHEMA_BOOL,
     FIELD(struct config_tls, session_tickets.enabled), .initial = "true"},
    {"lifetime", "How long a ticket is accepted.", SCHEMA_DURATION,
     FIELD(struct config_tls, session_tickets.lifetime_ms), .min = MS_SECOND, .max = 7 * MS_DAY,
     .initial = "6h"},
    {"rotate", "How long one key encrypts new tickets.", SCHEMA_DURATION,
     FIELD(struct config_tls, session_tickets.rotate_ms), .min = MS_SECOND, .max = 30 * MS_DAY,
     .initial = "12h"},
    {"key_file",
     "A file of keys that replicas share; the newest one encrypts, all of them decrypt.",
     SCHEMA_PATH, FIELD(struct config_tls, session_tickets.key_file),
     .initial_note = "keys of this process alone"},
};
static DEFINE_MAP(ticket_map, "session_tickets", ticket_keys, struct config_tls, NO_MARK);

static const struct schema_key tls_keys[] = {
    {"certificate",
     "The PEM file with the listener's certificate first, then its intermediates. Required unless "
     "`certificates` names some.",
     SCHEMA_PATH, .offset = SCHEMA_NOWHERE},
    {"private_key", "The PEM file with the private key of `certificate`.", SCHEMA_PATH,
     .offset = SCHEMA_NOWHERE},
    {"certificates",
     "More certificates, chosen by server name, then by what the client can verify.", SCHEMA_MAP,
     LIST(struct config_tls, certificates, certificates_count), MAP(certificate_map)},
    {"unknown_server_name",
     "What a client gets that asks for a name which no certificate has: the first certificate, or "
     "the alert unrecognized_name.",
     SCHEMA_WORD, FIELD(struct config_tls, refuse_unknown_server_name), WORDS(unknown_names),
     .initial = "default"},
    {"min_version", "The oldest TLS version that is spoken.", SCHEMA_WORD,
     FIELD(struct config_tls, min_version), WORDS(tls_versions), .initial = "1.2"},
    {"max_version", "The newest TLS version that is spoken.", SCHEMA_WORD,
     FIELD(struct config_tls, max_version), WORDS(tls_versions), .initial = "1.3"},
    {"profile",
     "The cipher suites: intermediate and modern as in Mozilla's server guidelines, iot adds "
     "AES-CCM.",
     SCHEMA_WORD, FIELD(struct config_tls, profile), WORDS(profiles), .initial = "intermediate"},
    {"cipher_suites", "The cipher suites by their IANA names, in place of those of the profile.",
     SCHEMA_TEXT, STRINGS(struct config_tls, cipher_suites), .known = &names_cipher_suites,
     .initial_note = "those of the profile"},
    {"groups", "The key exchange groups, the preferred one first.", SCHEMA_TEXT,
     STRINGS(struct config_tls, groups), .known = &names_groups,
     .initial_note = "X25519MLKEM768, X25519, P-256, P-384"},
    {"alpn", "Application protocols; a client that offers some must offer one of these.",
     SCHEMA_TEXT, STRINGS(struct config_tls, alpn), .min = 1, .max = 255,
     .initial_note = "ALPN is not looked at"},
    {"session_tickets", "Resumption of TLS sessions.", SCHEMA_MAP, .offset = 0, MAP(ticket_map)},
    {"ocsp_stapling",
     "The OCSP answer that clients get who ask for one: none (off), that of a file (DER), or the one "
     "of the certificate's responder (auto), which is asked in the background; the last good answer "
     "is served until it is outdated.",
     SCHEMA_PATH, FIELD(struct config_tls, ocsp_stapling), WORDS(staplings), .initial = "off"},
    {"client_certificate",
     "Whether clients are asked for a certificate, and whether they must have one.", SCHEMA_WORD,
     FIELD(struct config_tls, client_certificate), WORDS(client_certificates), .initial = "none"},
    {"client_ca",
     "The PEM file with the CAs that client certificates are verified to. Required unless "
     "client_certificate is none.",
     SCHEMA_PATH, FIELD(struct config_tls, client_ca)},
    {"client_crl", "PEM files with the revocation lists of those CAs.", SCHEMA_PATH,
     STRINGS(struct config_tls, client_crl), .initial_note = "revocation is not looked at"},
    {"crl_policy",
     "Whether a missing or outdated revocation list refuses clients (require) or not "
     "(allow_outdated).",
     SCHEMA_WORD, FIELD(struct config_tls, crl_allow_outdated), WORDS(crl_policies),
     .initial = "require"},
    {"max_chain_depth", "The most certificates in a client's chain, without the root.",
     SCHEMA_NUMBER, FIELD(struct config_tls, max_chain_depth), .min = 1, .max = 9,
     .initial = "4"},
};
static DEFINE_MAP(tls_map, "tls", tls_keys, struct config_tls, MARKED(struct config_tls),
                  .own_certificate = true);

static const struct schema_key limits_keys[] = {
    {"max_connections", "The most connections at a time; what is over is refused.", SCHEMA_NUMBER,
     FIELD(struct config_limits, max_connections), .min = 1, .max = 100000000,
     .initial = "100000"},
    {"handshake_timeout", "The time for the TLS handshake.", SCHEMA_DURATION,
     FIELD(struct config_limits, handshake_timeout_ms), .min = 10, .max = MS_DAY,
     .initial = "15s"},
    {"connect_timeout", "The time from there until the MQTT CONNECT has arrived.",
     SCHEMA_DURATION, FIELD(struct config_limits, connect_timeout_ms), .min = 10, .max = MS_DAY,
     .initial = "10s"},
    {"max_lifetime", "How long a connection lasts at most. 0: no limit.", SCHEMA_DURATION,
     FIELD(struct config_limits, max_lifetime_ms), .min = 0, .max = 365 * MS_DAY, .initial = "0"},
    {"max_connect_size", "The largest CONNECT packet.", SCHEMA_SIZE,
     FIELD(struct config_limits, max_connect_size), .min = 64, .max = 256 * MIB,
     .initial = "64KiB"},
    {"max_packet_size",
     "The largest packet that a client may send after its CONNECT. 0: what MQTT allows.",
     SCHEMA_SIZE, FIELD(struct config_limits, max_packet_size), .min = 0, .max = 256 * MIB,
     .initial = "0"},
    {"message_rate",
     "PUBLISH packets a second that are taken from one client; it is not read from while it is over. 0: any "
     "number.",
     SCHEMA_NUMBER, FIELD(struct config_limits, message_rate), .min = 0, .max = 10000000,
     .initial = "0"},
    {"byte_rate",
     "Bytes a second that are taken from one client; it is not read from while it is over. 0: any number.",
     SCHEMA_SIZE, FIELD(struct config_limits, byte_rate), .min = 0, .max = 64 * GIB,
     .initial = "0"},
    {"idle_timeout",
     "How long a client may be silent: 1.5 times the keep alive of its CONNECT (keepalive), a "
     "fixed time, or for ever (off).",
     SCHEMA_IDLE, .offset = 0, .size = sizeof(struct config_limits), WORDS(idle_words),
     .min = 100, .max = 365 * MS_DAY, .initial = "keepalive"},
};
static DEFINE_MAP(limits_map, "limits", limits_keys, struct config_limits, NO_MARK);

static const struct schema_key listener_keys[] = {
    {"name", "What logs call it.", SCHEMA_TEXT, FIELD(struct config_listener, name), .max = 255,
     .initial_note = "listener-1, listener-2, ..."},
    {"address", "Where to listen: HOST:PORT, [IPV6]:PORT or unix:PATH.", SCHEMA_ADDRESS,
     FIELD(struct config_listener, address), .required = true},
    {"backend", "The backend of those clients whose rule names none.", SCHEMA_BACKEND,
     FIELD(struct config_listener, backend),
     .initial_note = "the only backend, or the one named default"},
    {"policy", "The policy that decides who is admitted.", SCHEMA_POLICY,
     FIELD(struct config_listener, policy),
     .initial_note = "none: everyone whom the TLS settings admit"},
    {"tls", "How TLS is spoken.", SCHEMA_MAP, FIELD(struct config_listener, tls), MAP(tls_map),
     .required = true},
    {"limits", "How many, how large, how long.", SCHEMA_MAP,
     FIELD(struct config_listener, limits), MAP(limits_map)},
};
static DEFINE_MAP(listener_map, "a listener", listener_keys, struct config_listener,
                  MARKED(struct config_listener));

static const struct schema_key server_keys[] = {
    {"address", "Where the server is: HOST:PORT, [IPV6]:PORT or unix:PATH.", SCHEMA_ADDRESS,
     FIELD(struct config_server, address), .required = true},
    {"weight", "Its share of the clients, compared with the other servers.", SCHEMA_NUMBER,
     FIELD(struct config_server, weight), .min = 1, .max = 1000, .initial = "1"},
};
static DEFINE_MAP(server_map, "a server", server_keys, struct config_server, NO_MARK,
                  .scalar_key = "address");

static const struct schema_key broker_keys[] = {
    {"max_keep_alive", "The longest keep alive; MQTT 5 clients are told. 0: no limit.",
     SCHEMA_SECONDS, FIELD(struct config_broker, max_keep_alive_s), .min = 0, .max = 65535000,
     .initial = "0"},
    {"receive_maximum", "QoS 1 and 2 messages that a client may have under way to the broker.",
     SCHEMA_NUMBER, FIELD(struct config_broker, receive_maximum), .min = 1, .max = 65535,
     .initial = "100"},
    {"max_packet_size", "The largest packet that is accepted.", SCHEMA_SIZE,
     FIELD(struct config_broker, max_packet_size), .min = 1 * KIB, .max = 256 * MIB,
     .initial = "1MiB"},
    {"topic_alias_maximum", "Topic aliases that a client may use towards the broker.",
     SCHEMA_NUMBER, FIELD(struct config_broker, topic_alias_maximum), .min = 0, .max = 65535,
     .initial = "10"},
    {"max_sessions", "The most sessions, connected or waiting for their client.", SCHEMA_NUMBER,
     FIELD(struct config_broker, max_sessions), .min = 1, .max = 100000000, .initial = "100000"},
    {"max_queued_messages", "The most messages that wait for one session.", SCHEMA_NUMBER,
     FIELD(struct config_broker, max_queued_messages), .min = 1, .max = 100000000,
     .initial = "1000"},
    {"max_queued_bytes", "The most bytes that wait for one session.", SCHEMA_SIZE,
     FIELD(struct config_broker, max_queued_bytes), .min = 1 * KIB, .max = 64 * GIB,
     .initial = "4MiB"},
    {"max_session_expiry", "How long a session waits for its client at most.", SCHEMA_DURATION,
     FIELD(struct config_broker, max_session_expiry_ms), .min = 0, .max = 3650 * MS_DAY,
     .initial = "7d"},
    {"retain", "Whether retained messages are kept.", SCHEMA_BOOL,
     FIELD(struct config_broker, retain), .initial = "true"},
    {"max_retained_bytes", "The most bytes that retained messages take together.", SCHEMA_SIZE,
     FIELD(struct config_broker, max_retained_bytes), .min = 0, .max = 1024 * GIB,
     .initial = "64MiB"},
};
DEFINE_MAP(schema_broker, "builtin_broker", broker_keys, struct config_broker, NO_MARK);

static const struct schema_key backend_keys[] = {
    {"name", "What listeners, rules and logs call it. Required when there are several.",
     SCHEMA_TEXT, FIELD(struct config_backend, name), .max = 255,
     .initial_note = "main, if it is the only one"},
    {"servers", "The brokers, as addresses or as maps.", SCHEMA_MAP,
     LIST(struct config_backend, servers, servers_count), MAP(server_map)},
    {"balance",
     "Which server a client gets: the one with the fewest clients for its weight, the next one, or "
     "always the same one for a client id (consistent hashing).",
     SCHEMA_WORD, FIELD(struct config_backend, balance), WORDS(balances),
     .initial = "least_connections"},
    {"connect_timeout", "The time for reaching a server.", SCHEMA_DURATION,
     FIELD(struct config_backend, connect_timeout_ms), .min = 10, .max = MS_DAY, .initial = "5s"},
    {"connack_timeout", "The time that a broker has to answer an admitted CONNECT.", SCHEMA_DURATION,
     FIELD(struct config_backend, connack_timeout_ms), .min = 10, .max = MS_DAY, .initial = "30s"},
    {"proxy_protocol",
     "The PROXY protocol header that tells the broker where a client comes from; v2 also says what its "
     "TLS and certificate are.",
     SCHEMA_WORD, FIELD(struct config_backend, proxy_protocol), WORDS(proxy_protocols),
     .initial = "off"},
    {"profile",
     "What the broker is: what a PROXY header may say to it, and how large it may be.",
     SCHEMA_WORD, FIELD(struct config_backend, profile), WORDS(backend_profiles),
     .initial = "generic"},
    {"allow_public_plaintext",
     "Allows servers outside this machine and private networks, to which all that clients say "
     "travels unencrypted.",
     SCHEMA_BOOL, FIELD(struct config_backend, allow_public_plaintext), .initial = "false"},
    {"builtin_broker", "The included broker inside this process in place of servers.",
     SCHEMA_SWITCHED_MAP, FIELD(struct config_backend, builtin_broker), MAP(schema_broker),
     .map_offset = offsetof(struct config_backend, broker), .initial = "false"},
};
static DEFINE_MAP(backend_map, "a backend", backend_keys, struct config_backend,
                  MARKED(struct config_backend));

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
     FIELD(struct config_rule, require.tls_version), WORDS(tls_versions),
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
static DEFINE_MAP(policy_map, "a policy", policy_keys, struct config_policy,
                  MARKED(struct config_policy));

static const struct schema_key drain_keys[] = {
    {"timeout", "How long SIGTERM waits for clients to leave.", SCHEMA_DURATION,
     FIELD(struct config, drain_timeout_ms), .min = 0, .max = 7 * MS_DAY, .initial = "60s"},
};
static DEFINE_MAP(drain_map, "drain", drain_keys, struct config, NO_MARK);

static const struct schema_key admin_keys[] = {
    {"address",
     "Where operators and their tools ask by HTTP: HOST:PORT on this machine, or unix:PATH.",
     SCHEMA_ADDRESS, FIELD(struct config, admin), .required = true},
};
static DEFINE_MAP(admin_map, "admin", admin_keys, struct config, NO_MARK);

static const struct schema_key root_keys[] = {
    {"workers", "Event loops, each in a thread; auto: one for each usable core.", SCHEMA_NUMBER,
     FIELD(struct config, workers), .min = 1, .max = 1024, WORDS(workers_auto),
     .initial = "auto"},
    {"user", "The user to become after the sockets are open, when started as root.", SCHEMA_TEXT,
     FIELD(struct config, user), .initial_note = "stay who we are"},
    {"log", "What is logged, and where.", SCHEMA_MAP, .offset = 0, MAP(log_map)},
    {"admin", "The admin address: health, and the inventory of clients. Off unless given.", SCHEMA_MAP,
     .offset = 0, MAP(admin_map)},
    {"listeners", "Where clients come in.", SCHEMA_MAP,
     LIST(struct config, listeners, listeners_count), MAP(listener_map), .required = true},
    {"backends", "Where their MQTT goes.", SCHEMA_MAP,
     LIST(struct config, backends, backends_count), MAP(backend_map), .required = true},
    {"policies", "Who is admitted, and on what conditions.", SCHEMA_MAP,
     LIST(struct config, policies, policies_count), MAP(policy_map)},
    {"drain", "How SIGTERM lets clients go.", SCHEMA_MAP, .offset = 0, MAP(drain_map)},
    {"watch",
     "Whether certificates, keys, CAs, CRLs, ticket keys, password files and this file are loaded again when they change.",
     SCHEMA_BOOL, FIELD(struct config, watch), .initial = "true"},
};
DEFINE_MAP(schema_root, "the file", root_keys, struct config, NO_MARK);
// clang-format on

const struct schema_key *schema_find(const struct schema_map *map, const char *name)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i].name, name) == 0) return &map->keys[i];
    return NULL;
}

const char *schema_nearest(const struct schema_map *map, const char *name)
{
    const char *names[SCHEMA_KEYS_MAX];
    assert(map->count <= SCHEMA_KEYS_MAX);
    for (size_t i = 0; i < map->count; i++)
        names[i] = map->keys[i].name;
    return text_nearest(name, names, map->count);
}

bool schema_word(const struct schema_key *key, const char *text, uint64_t *out)
{
    for (size_t i = 0; i < key->words_count; i++) {
        if (strcmp(key->words[i].name, text) == 0) {
            *out = key->words[i].value;
            return true;
        }
    }
    return false;
}
