// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/schema.h"

#include <string.h>

#include "base/text.h"
#include "config/schema_rows.h"

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
static const struct schema_word sandboxes[] = {
    {"on",           CONFIG_SANDBOX_ON          },
    {"off",          CONFIG_SANDBOX_OFF         },
    {"files",        CONFIG_SANDBOX_FILES       },
    {"system_calls", CONFIG_SANDBOX_SYSTEM_CALLS}
};
static const struct schema_word unknown_names[] = {
    {"default", false},
    {"refuse",  true }
};
const struct schema_word schema_tls_versions[2] = {
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

static const struct schema_word checks[] = {
    {"tcp",  CONFIG_CHECK_TCP },
    {"mqtt", CONFIG_CHECK_MQTT},
    {"off",  CONFIG_CHECK_OFF }
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
     FIELD(struct config_tls, min_version), WORDS(schema_tls_versions), .initial = "1.2"},
    {"max_version", "The newest TLS version that is spoken.", SCHEMA_WORD,
     FIELD(struct config_tls, max_version), WORDS(schema_tls_versions), .initial = "1.3"},
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

static const struct schema_key penalty_keys[] = {
    {"failures",
     "So many failed handshakes, refused clients and refused passwords of one source block it.",
     SCHEMA_NUMBER, FIELD(struct config_penalty, failures), .min = 1, .max = 1000000,
     .initial = "30"},
    {"window", "The time, from the first of them, in which they are counted.", SCHEMA_DURATION,
     FIELD(struct config_penalty, window_ms), .min = 100, .max = MS_DAY, .initial = "1m"},
    {"block", "How long its new connections are closed at once.", SCHEMA_DURATION,
     FIELD(struct config_penalty, block_ms), .min = 100, .max = 7 * MS_DAY,
     .initial = "5m"},
};
static DEFINE_MAP(penalty_map, "penalty", penalty_keys, struct config_penalty, NO_MARK);

static const struct schema_key limits_keys[] = {
    {"max_connections", "The most connections at a time; what is over is refused.", SCHEMA_NUMBER,
     FIELD(struct config_limits, max_connections), .min = 1, .max = 100000000,
     .initial = "100000"},
    {"max_connections_per_source",
     "The most connections at a time from one address (IPv6: from one /64); what is over is refused. "
     "0: any number.",
     SCHEMA_NUMBER, FIELD(struct config_limits, max_connections_per_source), .min = 0,
     .max = 100000000, .initial = "0"},
    {"handshakes_per_second",
     "TLS handshakes that begin in a second, over all workers; clients that are over wait in the "
     "kernel's queue. 0: any number.",
     SCHEMA_NUMBER, FIELD(struct config_limits, handshakes_per_second), .min = 0, .max = 1000000,
     .initial = "0"},
    {"penalty",
     "Whether a source that keeps failing is not served for a while; a map says how, true takes its "
     "defaults.",
     SCHEMA_SWITCHED_MAP, FIELD(struct config_limits, penalised), MAP(penalty_map),
     .map_offset = offsetof(struct config_limits, penalty), .initial = "false"},
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
    {"address",
     "Where to listen: HOST:PORT, [IPV6]:PORT, unix:PATH, or fd:NAME for sockets that are passed in "
     "(systemd's socket activation).",
     SCHEMA_ADDRESS,
     FIELD(struct config_listener, address), .required = true},
    {"backend", "The backend of those clients whose rule names none.", SCHEMA_BACKEND,
     FIELD(struct config_listener, backend),
     .initial_note = "the only backend, or the one named default"},
    {"policy", "The policy that decides who is admitted.", SCHEMA_POLICY,
     FIELD(struct config_listener, policy),
     .initial_note = "none: everyone whom the TLS settings admit"},
    {"proxy_protocol",
     "Whether clients come through a proxy or load balancer that says who they are by the PROXY "
     "protocol, version 1 or 2, before TLS. Then who has no such header is refused.",
     SCHEMA_BOOL, FIELD(struct config_listener, proxy_protocol), .initial = "false"},
    {"trusted_proxies",
     "Where those proxies connect from; others are refused. Required with proxy_protocol, but for a "
     "unix socket, whose file says who may connect.",
     SCHEMA_CIDR, LIST(struct config_listener, trusted_proxies.items, trusted_proxies.count)},
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
    {"max_connections",
     "The most clients that it serves at a time; whoever is over waits in the backend's `queue`. 0: no "
     "limit.",
     SCHEMA_NUMBER, FIELD(struct config_server, max_connections), .min = 0, .max = 100000000,
     .initial = "0"},
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
    {"topic_alias_maximum", "Topic aliases that a client may use towards the broker, and the broker towards it.",
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
    {"password_file",
     "Who may connect, with which password: lines that `postern passwd` writes. Read again when it "
     "changes.",
     SCHEMA_PATH, FIELD(struct config_broker, password_file), .initial_note = "everybody"},
    {"certificate_login",
     "With a `password_file`: a client with a verified certificate, and without a password, is "
     "logged in as the certificate's common name.",
     SCHEMA_BOOL, FIELD(struct config_broker, certificate_login), .initial = "true"},
    {"subscribe_deny",
     "Topic filters. Nobody may subscribe within them, and a wider subscription does not bring "
     "their topics.",
     SCHEMA_TEXT, STRINGS(struct config_broker, subscribe_deny)},
    {"sys_interval", "How often the `$SYS` topics are published. 0: never.", SCHEMA_DURATION,
     FIELD(struct config_broker, sys_interval_ms), .min = 0, .max = MS_DAY, .initial = "10s"},
};
DEFINE_MAP(schema_broker, "builtin_broker", broker_keys, struct config_broker, NO_MARK);

static const struct schema_key health_keys[] = {
    {"type",
     "What is tried: a TCP connection (tcp), a CONNECT that is answered by a CONNACK (mqtt), or nothing "
     "(off: only what clients meet counts).",
     SCHEMA_WORD, FIELD(struct config_backend, health.type), WORDS(checks), .initial = "tcp"},
    {"interval",
     "The time between two checks of a server; while it is in doubt, a second at most.",
     SCHEMA_DURATION, FIELD(struct config_backend, health.interval_ms), .min = 50, .max = MS_DAY,
     .initial = "5s"},
    {"timeout", "The time for one check.", SCHEMA_DURATION,
     FIELD(struct config_backend, health.timeout_ms), .min = 10, .max = MS_HOUR, .initial = "2s"},
    {"fall", "Checks that fail in a row before a server is down. The first one ever decides alone.",
     SCHEMA_NUMBER, FIELD(struct config_backend, health.fall), .min = 1, .max = 100,
     .initial = "3"},
    {"rise", "Checks that succeed in a row before a server that is down is up.", SCHEMA_NUMBER,
     FIELD(struct config_backend, health.rise), .min = 1, .max = 100, .initial = "2"},
};
static DEFINE_MAP(health_map, "health_check", health_keys, struct config_backend, NO_MARK,
                  .scalar_key = "type");

static const struct schema_key queue_keys[] = {
    {"size",
     "How many clients may wait for a server below its max_connections; the next one is told that the "
     "server is busy. 0: nobody waits.",
     SCHEMA_NUMBER, FIELD(struct config_backend, queue.size), .min = 0, .max = 1000000,
     .initial = "1000"},
    {"timeout", "How long a client waits there before it is told so.", SCHEMA_DURATION,
     FIELD(struct config_backend, queue.timeout_ms), .min = 10, .max = MS_HOUR, .initial = "5s"},
};
static DEFINE_MAP(queue_map, "queue", queue_keys, struct config_backend, NO_MARK);

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
    {"health_check", "How it is found out whether a server is up.", SCHEMA_MAP, .offset = 0,
     MAP(health_map)},
    {"queue", "Where clients wait for a server below its `max_connections`.", SCHEMA_MAP, .offset = 0,
     MAP(queue_map)},
    {"source_addresses",
     "Addresses of this machine that servers are dialled from, in turn: one has room for some 28,000 "
     "clients of a server (net.ipv4.ip_local_port_range).",
     SCHEMA_TEXT, STRINGS(struct config_backend, source_addresses), .min = 2, .max = 45,
     .initial_note = "the system chooses"},
    {"connect_timeout", "The time for reaching a server, with all that are tried.", SCHEMA_DURATION,
     FIELD(struct config_backend, connect_timeout_ms), .min = 10, .max = MS_DAY, .initial = "5s"},
    {"connack_timeout", "The time that a broker has to answer an admitted CONNECT.", SCHEMA_DURATION,
     FIELD(struct config_backend, connack_timeout_ms), .min = 10, .max = MS_DAY, .initial = "30s"},
    {"stall_timeout",
     "How long a broker may not take what a client has sent; the client is not read from meanwhile, nor "
     "ended for its silence. 0: for ever.",
     SCHEMA_DURATION, FIELD(struct config_backend, stall_timeout_ms), .min = 0, .max = 365 * MS_DAY,
     .initial = "60s"},
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

static const struct schema_key drain_keys[] = {
    {"delay",
     "How long clients are still accepted after /readyz has turned to 503, so that balancers can "
     "look elsewhere first.",
     SCHEMA_DURATION, FIELD(struct config, drain.delay_ms), .min = 0, .max = MS_DAY,
     .initial = "0"},
    {"spread",
     "The time over which clients are told to leave, evenly and in a random order, so that they "
     "do not come back in one wave. At most `timeout`.",
     SCHEMA_DURATION, FIELD(struct config, drain.spread_ms), .min = 0, .max = 7 * MS_DAY,
     .initial = "10s"},
    {"timeout", "When whoever is left is ended, counted from when nobody is accepted any more.",
     SCHEMA_DURATION, FIELD(struct config, drain.timeout_ms), .min = 0, .max = 7 * MS_DAY,
     .initial = "60s"},
    {"server_reference",
     "Where MQTT 5 clients are sent to (DISCONNECT 0x9C with this Server Reference, such as "
     "broker-2.example:8883). Empty: nowhere; they are told 0x8B.",
     SCHEMA_TEXT, FIELD(struct config, drain.server_reference), .max = 1024, .empty = true,
     .initial = ""},
};
static DEFINE_MAP(drain_map, "drain", drain_keys, struct config, NO_MARK);

static const struct schema_key admin_keys[] = {
    {"address",
     "Where operators and their tools ask by HTTP: HOST:PORT on this machine, or unix:PATH.",
     SCHEMA_ADDRESS, FIELD(struct config, admin), .required = true},
    {"allow_remote",
     "Allows an address that other machines can reach: whoever reaches it learns who connects, with "
     "what, and how many; nobody is asked for a password.",
     SCHEMA_BOOL, FIELD(struct config, admin_allow_remote), .initial = "false"},
    {"names",
     "The host names that it may be asked by, beside IP addresses and localhost: every other one is refused "
     "on loopback, and on any address once names are given.",
     SCHEMA_TEXT, STRINGS(struct config, admin_names), .min = 1, .max = 253,
     .initial_note = "none on loopback, else any"},
};
static DEFINE_MAP(admin_map, "admin", admin_keys, struct config, NO_MARK);

static const struct schema_key root_keys[] = {
    {"workers", "Event loops, each in a thread; auto: one for each usable core.", SCHEMA_NUMBER,
     FIELD(struct config, workers), .min = 1, .max = 1024, WORDS(workers_auto),
     .initial = "auto"},
    {"user", "The user to become after the sockets are open, when started as root.", SCHEMA_TEXT,
     FIELD(struct config, user), .initial_note = "stay who we are"},
    {"log", "What is logged, and where.", SCHEMA_MAP, .offset = 0, MAP(log_map)},
    {"admin", "The admin address: health, metrics, a page for people, who is connected. Off unless given.", SCHEMA_MAP,
     .offset = 0, MAP(admin_map)},
    {"listeners", "Where clients come in.", SCHEMA_MAP,
     LIST(struct config, listeners, listeners_count), MAP(listener_map), .required = true},
    {"backends", "Where their MQTT goes.", SCHEMA_MAP,
     LIST(struct config, backends, backends_count), MAP(backend_map), .required = true},
    {"policies", "Who is admitted, and on what conditions.", SCHEMA_MAP,
     LIST(struct config, policies, policies_count), MAP(schema_policy)},
    {"drain", "How SIGTERM and SIGINT let clients go.", SCHEMA_MAP, .offset = 0, MAP(drain_map)},
    {"upgrade_timeout",
     "How long a new process may take after SIGUSR2 until it serves; it is ended then, and this one goes on.",
     SCHEMA_DURATION, FIELD(struct config, upgrade_timeout_ms), .min = 100, .max = MS_DAY,
     .initial = "60s"},
    {"resolver",
     "The DNS servers that names of servers are asked from, as IP:PORT or IP.", SCHEMA_TEXT,
     STRINGS(struct config, resolver), .min = 2, .max = 60,
     .initial_note = "those of /etc/resolv.conf"},
    {"sandbox",
     "What the process takes from itself after its start, for good: other files than it needs "
     "(Landlock), system calls that it does not use (seccomp), both (on), or nothing (off). A kernel "
     "that lacks a part is named in the log.",
     SCHEMA_WORD, FIELD(struct config, sandbox), WORDS(sandboxes), .initial = "on"},
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
