// SPDX-License-Identifier: GPL-3.0-or-later
/* The typed configuration: what a file says, with every default filled in and every path absolute.
 * Read-only after config_load, with one owner. Names and meanings: the configuration reference,
 * which is made from the table in config/schema.c. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/log.h"

/* Where in a file something was said; line 0: nowhere (a default). */
struct config_mark {
    unsigned line;
    unsigned column;
};

struct config_strings {
    char **items;
    size_t count;
};

struct regex;

/* One of the two. */
struct config_pattern {
    char *glob;  /* in `require` and `match.certificate` with ${...}; `$$` is a dollar there */
    char *regex; /* RE2's syntax; all of the text must match */
    const struct regex *compiled;
};

struct config_patterns {
    struct config_pattern *items;
    size_t count;
};

struct config_pair {
    char *name;
    char *value;
    struct config_mark mark;
};

struct config_pairs {
    struct config_pair *items;
    size_t count;
};

/* HOST:PORT, [IPV6]:PORT, unix:PATH or fd:NAME. A name in place of an address is resolved when
 * used. One of `host`, `unix_path` and `fd_name` is there. */
struct config_address {
    char *text; /* as written; the path is absolute for unix: */
    char *host; /* without brackets */
    char *unix_path;
    char *fd_name; /* of a listening socket that was passed in */
    uint16_t port;
    struct config_mark mark;
};

/* An IPv4 range is kept as an IPv4-mapped IPv6 one. */
struct config_cidr {
    struct in6_addr address;
    unsigned prefix; /* 0 to 128 */
};

struct config_cidrs {
    struct config_cidr *items;
    size_t count;
};

enum config_tls_version { CONFIG_TLS_1_2 = 12, CONFIG_TLS_1_3 = 13 };
enum config_tls_profile { CONFIG_PROFILE_INTERMEDIATE, CONFIG_PROFILE_MODERN, CONFIG_PROFILE_IOT };
enum config_client_certificate {
    CONFIG_CLIENT_CERTIFICATE_NONE,
    CONFIG_CLIENT_CERTIFICATE_OPTIONAL,
    CONFIG_CLIENT_CERTIFICATE_REQUIRED
};

struct config_certificate {
    char *certificate;                  /* path */
    char *private_key;                  /* path */
    struct config_strings server_names; /* none: the names of the certificate's SAN */
    struct config_mark mark;
};

struct config_tls {
    /* The listener's own `certificate`, if given, then those of `certificates`; at least one. */
    struct config_certificate *certificates;
    size_t certificates_count;
    bool refuse_unknown_server_name;
    enum config_tls_version min_version;
    enum config_tls_version max_version;
    enum config_tls_profile profile;
    struct config_strings cipher_suites; /* IANA names; none: the profile's */
    struct config_strings groups;        /* none: the default ones, in their order */
    struct config_strings alpn;
    struct {
        bool enabled;
        uint64_t lifetime_ms;
        uint64_t rotate_ms;
        char *key_file; /* NULL: keys of this process alone */
    } session_tickets;
    char *ocsp_stapling; /* "off", "auto", or the path of a response */
    enum config_client_certificate client_certificate;
    char *client_ca;                  /* path or NULL */
    struct config_strings client_crl; /* paths */
    bool crl_allow_outdated;
    unsigned max_chain_depth;
    struct config_mark mark;
};

enum config_idle { CONFIG_IDLE_KEEP_ALIVE, CONFIG_IDLE_FIXED, CONFIG_IDLE_OFF };

/* A source that fails so often within the window is not served for a while. */
struct config_penalty {
    uint64_t failures;
    uint64_t window_ms;
    uint64_t block_ms;
};

struct config_limits {
    uint64_t max_connections;
    uint64_t max_connections_per_source; /* 0: any number */
    uint64_t handshakes_per_second;      /* of all workers together; 0: any number */
    bool penalised;
    struct config_penalty penalty;
    uint64_t handshake_timeout_ms;
    uint64_t connect_timeout_ms;
    uint64_t max_lifetime_ms;  /* of a connection; 0: none */
    uint64_t max_connect_size; /* bytes */
    uint64_t max_packet_size;  /* bytes; 0: what MQTT allows */
    uint64_t message_rate;     /* PUBLISH packets a second of one client; 0: any */
    uint64_t byte_rate;        /* bytes a second of one client; 0: any */
    enum config_idle idle;
    uint64_t idle_timeout_ms; /* for CONFIG_IDLE_FIXED */
};

struct config_listener {
    char *name;
    struct config_address address;
    size_t backend; /* index into config.backends; SIZE_MAX: none by default, the rules name it */
    size_t policy;  /* index into config.policies; SIZE_MAX: none */
    bool proxy_protocol; /* clients come through a proxy that says who they are */
    struct config_cidrs trusted_proxies;
    struct config_tls tls;
    struct config_limits limits;
    struct config_mark mark;
};

struct config_server {
    struct config_address address;
    unsigned weight;
    unsigned max_connections; /* 0: any number */
};

enum config_balance { CONFIG_LEAST_CONNECTIONS, CONFIG_ROUND_ROBIN, CONFIG_CLIENT_ID };

enum config_proxy_protocol { CONFIG_PROXY_OFF, CONFIG_PROXY_V1, CONFIG_PROXY_V2 };
/* What the broker behind is: which TLVs it reads, and how large a PROXY header it takes. */
enum config_backend_profile {
    CONFIG_BACKEND_GENERIC,
    CONFIG_BACKEND_MOSQUITTO,
    CONFIG_BACKEND_EMQX,
    CONFIG_BACKEND_VERNEMQ,
    CONFIG_BACKEND_RABBITMQ
};

/* The included broker; the same map as the file of `postern broker -c`. */
struct config_broker {
    uint16_t max_keep_alive_s; /* 0: none */
    uint16_t receive_maximum;
    uint64_t max_packet_size;
    uint16_t topic_alias_maximum;
    uint64_t max_sessions;
    uint64_t max_queued_messages; /* per session */
    uint64_t max_queued_bytes;    /* per session */
    uint64_t max_session_expiry_ms;
    bool retain;
    uint64_t max_retained_bytes;
    char *password_file; /* NULL: everybody may connect */
    bool certificate_login;
    struct config_strings subscribe_deny;
    uint64_t sys_interval_ms; /* 0: no $SYS topics */
};

enum { CONFIG_MOST_SERVERS = 256 }; /* of a backend */

enum config_check { CONFIG_CHECK_TCP, CONFIG_CHECK_MQTT, CONFIG_CHECK_OFF };

struct config_backend {
    char *name;
    struct config_server *servers; /* none for the included broker */
    size_t servers_count;
    enum config_balance balance;
    struct {
        enum config_check type;
        uint64_t interval_ms;
        uint64_t timeout_ms;
        unsigned fall; /* checks in a row */
        unsigned rise;
    } health;
    struct {
        unsigned size; /* clients that wait for a server below its max_connections */
        uint64_t timeout_ms;
    } queue;
    struct config_strings source_addresses; /* none: the system chooses */
    uint64_t connect_timeout_ms;
    uint64_t connack_timeout_ms;
    uint64_t stall_timeout_ms; /* until it takes what a client has sent; 0: for ever */
    enum config_proxy_protocol proxy_protocol;
    enum config_backend_profile profile;
    bool allow_public_plaintext;
    bool builtin_broker;
    struct config_broker broker;
    struct config_mark mark;
};

enum config_mqtt_version {
    CONFIG_MQTT_3_1 = 1 << 0,
    CONFIG_MQTT_3_1_1 = 1 << 1,
    CONFIG_MQTT_5 = 1 << 2
};

enum config_presence { CONFIG_ANY, CONFIG_PRESENT, CONFIG_ABSENT };

/* A set of curves of ECDSA keys. */
enum config_curve { CONFIG_P256 = 1 << 0, CONFIG_P384 = 1 << 1, CONFIG_P521 = 1 << 2 };

/* What a client certificate must be like; a list that is empty is not looked at. A field that the
 * certificate does not have never fulfils anything. */
struct config_certificate_rule {
    struct config_patterns common_name;
    struct config_patterns subject;
    struct config_patterns issuer;
    struct config_patterns serial;
    struct config_patterns san_dns; /* of a list of names: any of the certificate's */
    struct config_patterns san_uri;
    struct config_patterns san_email;
    struct config_strings fingerprint_sha256; /* lower case hexadecimal, no colons */
    struct config_strings spki_sha256;
    struct config_strings extended_key_usage; /* "clientAuth" or an OID in dots */
    struct {
        bool looked_at;        /* then kinds that are not named are not allowed */
        unsigned rsa_min_bits; /* 0: no RSA */
        unsigned ecdsa_curves; /* a set of enum config_curve */
        bool ed25519;
    } key;
    uint64_t max_lifetime_ms; /* from notBefore to notAfter; 0: any */
};

/* Topic filters with ${...}. */
struct config_topics {
    bool has_allow; /* then what no filter of `allow` covers is refused */
    struct config_strings allow;
    struct config_strings deny;
};

/* What the broker is told in place of what the client said; NULL and none: left as it is. The
 * texts have ${...}, and `$$` is a dollar in them. */
struct config_connect {
    char *client_id;
    char *username;
    char *password_file;                 /* path */
    struct config_pairs user_properties; /* for MQTT 5 */
};

struct config_rule {
    char *name;
    struct {
        struct config_patterns client_id; /* any of them; none: not looked at */
        struct config_patterns username;
        struct config_patterns server_name;
        struct config_cidrs source;
        unsigned mqtt_versions; /* a set of enum config_mqtt_version; 0: not looked at */
        enum config_presence certificate;
        struct config_certificate_rule certificate_is; /* for CONFIG_PRESENT */
    } match;
    struct {
        unsigned tls_version; /* enum config_tls_version, at least; 0: any */
        bool certificate;     /* one must be there: implied by certificate_is */
        struct config_certificate_rule certificate_is;
    } require;
    time_t until;   /* from then on the rule does not match; 0: for ever */
    size_t backend; /* index into config.backends; SIZE_MAX: the listener's */
    struct config_connect connect;
    struct config_topics publish;
    struct config_topics subscribe;
    bool on_violation_close; /* a QoS 0 PUBLISH that is not allowed ends the session */
    struct config_mark mark;
};

struct config_policy {
    char *name;
    struct config_rule *rules;
    size_t rules_count;
    bool otherwise_admit;
    bool recheck; /* sessions are judged again when what judges them has changed */
    uint64_t recheck_spread_ms;
    bool end_at_certificate_expiry;
    struct config_mark mark;
};

enum config_sandbox {
    CONFIG_SANDBOX_ON,
    CONFIG_SANDBOX_OFF,
    CONFIG_SANDBOX_FILES,
    CONFIG_SANDBOX_SYSTEM_CALLS
};

struct config_drain {
    uint64_t delay_ms;      /* between the word that we are not ready and the last accept */
    uint64_t spread_ms;     /* in which clients are told, one after the other */
    uint64_t timeout_ms;    /* after which all end, from the last accept on */
    char *server_reference; /* "": none */
};

struct config {
    char *path;       /* of the file, as given */
    struct stat file; /* what it was before it was read; st_mode 0: not from a file */
    unsigned workers; /* 0: auto */
    char *user;       /* NULL: stay who we are */
    struct {
        enum log_level level;
        enum log_format format;
        bool access;
        char *file; /* NULL: standard error */
    } log;
    struct config_listener *listeners;
    size_t listeners_count;
    struct config_backend *backends;
    size_t backends_count;
    struct config_policy *policies;
    size_t policies_count;
    struct config_address admin; /* `text` NULL: off */
    bool admin_allow_remote;     /* it may be reached from other machines */
    struct config_strings admin_names;
    struct config_drain drain;
    uint64_t upgrade_timeout_ms; /* for a successor to become ready */
    enum config_sandbox sandbox;
    struct config_strings resolver; /* IP:PORT or IP; none: those of the system */
    bool watch; /* files that the configuration names are loaded again when they change */
};

enum config_severity { CONFIG_WARNING, CONFIG_ERROR };

/* One finding; the strings are lent for the call. */
typedef void config_finding_fn(void *arg, const char *path, struct config_mark mark,
                               enum config_severity severity, const char *text);

/* Reads the file at `path` and gives the configuration (config_free), or NULL when there is any
 * error. Every finding, warnings as well, is told to `found` in the order of the file, in one pass.
 * Opens no file but this one; what the certificates are like is `certs/lint.h`'s to say. */
struct config *config_load(const char *path, config_finding_fn *found, void *arg);
/* The same from memory; `path` names it in findings and anchors relative paths. */
struct config *config_parse(const char *path, const char *text, size_t length,
                            config_finding_fn *found, void *arg);
void config_free(struct config *config);
/* Where the value of `field`, the address of a field inside `config`, stood in the file: of a
 * setting, of the first pointer of a list (`&tls->client_crl`, `&tls->certificates`), of an item
 * of a list of strings (`&tls->client_crl.items[0]`). Line 0: nowhere, it is the default. Maps have
 * their own `mark`. */
struct config_mark config_mark_of(const struct config *config, const void *field);
/* Gives the map of `builtin_broker` alone (config_broker_free), from a file; `path` NULL: all
 * defaults. NULL: told why. */
struct config_broker *config_broker_load(const char *path, config_finding_fn *found, void *arg);
void config_broker_free(struct config_broker *broker);
