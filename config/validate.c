// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/validate.h"

#include <string.h>

#include "config/address.h"

static void check_client_certificates(struct bind *bind, const struct config_tls *tls)
{
    bool none = tls->client_certificate == CONFIG_CLIENT_CERTIFICATE_NONE;
    if (!none && !bind_given(bind, &tls->client_ca))
        diagnostics_error(bind->found, bind_mark(bind, &tls->client_certificate),
                          "client certificates are verified to CAs: name their file with "
                          "client_ca");
    if (none && bind_given(bind, &tls->client_ca))
        diagnostics_warning(bind->found, bind_mark(bind, &tls->client_ca),
                            "client_ca is not used while client_certificate is none: set it to "
                            "optional or required");
    if (none && bind_given(bind, &tls->client_crl))
        diagnostics_warning(bind->found, bind_mark(bind, &tls->client_crl),
                            "client_crl is not used while client_certificate is none: set it to "
                            "optional or required");
    if (!none && bind_given(bind, &tls->crl_allow_outdated) && tls->client_crl.count == 0)
        diagnostics_warning(bind->found, bind_mark(bind, &tls->crl_allow_outdated),
                            "crl_policy has no effect without client_crl: add it, or remove "
                            "crl_policy");
}

/* Suites of TLS 1.3 name no key exchange. */
static bool suite_is_tls_1_3(const char *name)
{
    return strstr(name, "_WITH_") == NULL;
}

static void check_suites(struct bind *bind, const struct config_tls *tls)
{
    bool newer = false;
    bool older = false;
    struct config_mark mark = bind_mark(bind, &tls->cipher_suites.items);
    if (tls->cipher_suites.count == 0) return;
    for (size_t i = 0; i < tls->cipher_suites.count; i++) {
        const char *name = tls->cipher_suites.items[i];
        if (!name) return;
        newer = newer || suite_is_tls_1_3(name);
        older = older || !suite_is_tls_1_3(name);
    }
    if (bind_given(bind, &tls->profile))
        diagnostics_warning(bind->found, bind_mark(bind, &tls->profile),
                            "profile has no effect beside cipher_suites: remove one of them");
    if (!newer && tls->max_version == CONFIG_TLS_1_3)
        diagnostics_error(bind->found, mark,
                          "cipher_suites has none of TLS 1.3: add one such as "
                          "TLS_AES_128_GCM_SHA256, or set max_version to \"1.2\"");
    if (!older && tls->min_version == CONFIG_TLS_1_2)
        diagnostics_error(bind->found, mark,
                          "cipher_suites has none of TLS 1.2: add one such as "
                          "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, or set min_version to "
                          "\"1.3\"");
}

/* A star elsewhere would stand for itself, which is in no name. */
static void check_server_names(struct bind *bind, const struct config_tls *tls)
{
    for (size_t i = 0; i < tls->certificates_count; i++) {
        const struct config_strings *names = &tls->certificates[i].server_names;
        for (size_t j = 0; j < names->count; j++) {
            const char *name = names->items[j];
            bool wild = strncmp(name, "*.", 2) == 0 && name[2] != '\0';
            if (strchr(name + (wild ? 2 : 0), '*') != NULL)
                diagnostics_error(bind->found, bind_mark(bind, &names->items[j]),
                                  "server_names: no name matches \"%s\": * can stand for the first "
                                  "label alone, as in \"*.example.com\"",
                                  name);
        }
    }
}

static void check_tls(struct bind *bind, const struct config_listener *listener)
{
    const struct config_tls *tls = &listener->tls;
    if (tls->min_version > tls->max_version)
        diagnostics_error(bind->found,
                          bind_mark_or(bind, &tls->min_version, bind_mark(bind, &tls->max_version)),
                          "min_version is above max_version: no client could connect");
    if (bind_given(bind, &tls->profile) && tls->profile == CONFIG_PROFILE_MODERN &&
        tls->max_version == CONFIG_TLS_1_2)
        diagnostics_error(bind->found, bind_mark(bind, &tls->profile),
                          "the profile modern is TLS 1.3 alone, and max_version is \"1.2\": take "
                          "the profile intermediate");
    if (tls->session_tickets.lifetime_ms > 2 * tls->session_tickets.rotate_ms)
        diagnostics_error(bind->found,
                          bind_mark_or(bind, &tls->session_tickets.lifetime_ms,
                                       bind_mark(bind, &tls->session_tickets.rotate_ms)),
                          "a ticket would outlive its key: lifetime can be at most twice rotate");
    check_server_names(bind, tls);
    check_suites(bind, tls);
    check_client_certificates(bind, tls);
}

static bool holds_everyone(const struct config_cidr *range)
{
    return range->prefix == 0 || (range->prefix == 96 && IN6_IS_ADDR_V4MAPPED(&range->address));
}

/* Who may say where a client comes from. */
static void check_proxies(struct bind *bind, const struct config_listener *listener)
{
    const struct config_cidrs *proxies = &listener->trusted_proxies;
    struct config_mark mark = bind_mark_or(bind, &proxies->items, listener->mark);
    bool is_unix = listener->address.unix_path != NULL;
    if (!listener->proxy_protocol && proxies->count > 0)
        diagnostics_warning(bind->found, mark,
                            "trusted_proxies has no effect without proxy_protocol: true");
    if (listener->proxy_protocol && is_unix && proxies->count > 0)
        diagnostics_warning(bind->found, mark,
                            "trusted_proxies has no effect on a unix socket, whose file says who "
                            "may connect");
    if (listener->proxy_protocol && listener->address.fd_name != NULL && proxies->count == 0)
        diagnostics_warning(bind->found, bind_mark_or(bind, &listener->proxy_protocol, mark),
                            "unless %s is a unix socket, everybody is refused: name the addresses "
                            "of your proxies with trusted_proxies",
                            listener->address.text);
    else if (listener->proxy_protocol && !is_unix && proxies->count == 0)
        diagnostics_error(bind->found, bind_mark_or(bind, &listener->proxy_protocol, mark),
                          "with proxy_protocol alone anybody could claim to be anybody: name the "
                          "addresses of your proxies with trusted_proxies");
    for (size_t i = 0; i < proxies->count; i++)
        if (holds_everyone(&proxies->items[i]))
            diagnostics_warning(bind->found, mark,
                                "trusted_proxies holds every address, so anybody may claim to be "
                                "anybody: name the addresses of your proxies alone");
}

/* A peer on a unix socket has no address that anything could be counted by. */
static void check_sources(struct bind *bind, const struct config_listener *listener)
{
    const struct config_limits *limits = &listener->limits;
    if (limits->max_connections_per_source > limits->max_connections)
        diagnostics_warning(bind->found, bind_mark(bind, &limits->max_connections_per_source),
                            "max_connections_per_source is above max_connections, and has no "
                            "effect");
    if (listener->address.unix_path == NULL || listener->proxy_protocol) return;
    if (limits->max_connections_per_source > 0)
        diagnostics_warning(bind->found, bind_mark(bind, &limits->max_connections_per_source),
                            "max_connections_per_source has no effect on a unix socket, whose "
                            "clients have no address: a proxy in front can tell it with "
                            "proxy_protocol");
    if (limits->penalised)
        diagnostics_warning(bind->found, bind_mark(bind, &limits->penalised),
                            "penalty has no effect on a unix socket, whose clients have no "
                            "address: a proxy in front can tell it with proxy_protocol");
}

static void check_addresses(struct bind *bind, const struct config *config)
{
    /* A thousand listeners are compared in no time; more are a mistake of their own. */
    size_t count = config->listeners_count < 1000 ? config->listeners_count : 1000;
    for (size_t i = 0; i < count; i++) {
        const struct config_address *address = &config->listeners[i].address;
        for (size_t j = 0; j < i && address_is_complete(address); j++) {
            const struct config_address *other = &config->listeners[j].address;
            if (!address_is_complete(other) || !address_equal(address, other)) continue;
            diagnostics_error(bind->found, address->mark,
                              "%s is the address of another listener already, in line %u: choose "
                              "another port",
                              address->text, other->mark.line);
            break;
        }
    }
}

/* What a rule asks for that this listener never has. */
static void check_rule_on(struct bind *bind, const struct config_listener *listener,
                          const struct config_rule *rule)
{
    bool none = listener->tls.client_certificate == CONFIG_CLIENT_CERTIFICATE_NONE;
    if (none && rule->match.certificate == CONFIG_PRESENT)
        diagnostics_warning(bind->found, bind_mark(bind, &rule->match.certificate),
                            "the rule \"%s\" matches nobody on the listener \"%s\", whose "
                            "client_certificate is none: set that to optional or required",
                            rule->name, listener->name);
    if (none && rule->require.certificate)
        diagnostics_warning(bind->found, bind_mark_or(bind, &rule->require.certificate, rule->mark),
                            "the rule \"%s\" refuses everyone on the listener \"%s\", whose "
                            "client_certificate is none: set that to optional or required",
                            rule->name, listener->name);
    if (rule->require.tls_version > listener->tls.max_version)
        diagnostics_warning(bind->found, bind_mark(bind, &rule->require.tls_version),
                            "the rule \"%s\" refuses everyone on the listener \"%s\", whose "
                            "max_version is lower",
                            rule->name, listener->name);
    if (listener->tls.client_certificate == CONFIG_CLIENT_CERTIFICATE_REQUIRED &&
        rule->match.certificate == CONFIG_ABSENT)
        diagnostics_warning(bind->found, bind_mark(bind, &rule->match.certificate),
                            "the rule \"%s\" matches nobody on the listener \"%s\", whose "
                            "client_certificate is required",
                            rule->name, listener->name);
}

static void check_policy_on(struct bind *bind, const struct config *config,
                            const struct config_listener *listener)
{
    if (listener->policy >= config->policies_count) return;
    const struct config_policy *policy = &config->policies[listener->policy];
    for (size_t i = 0; i < policy->rules_count; i++)
        check_rule_on(bind, listener, &policy->rules[i]);
}

static void check_unused(struct bind *bind, const struct config *config)
{
    for (size_t i = 0; i < config->policies_count; i++) {
        bool used = false;
        for (size_t j = 0; j < config->listeners_count && !used; j++)
            used = config->listeners[j].policy == i;
        if (!used && config->policies[i].name && bind->found->errors == 0)
            diagnostics_warning(bind->found, config->policies[i].mark,
                                "no listener uses the policy \"%s\": name it with \"policy\" in a "
                                "listener",
                                config->policies[i].name);
    }
}

static void check_admin(struct bind *bind, const struct config *config)
{
    const struct config_address *admin = &config->admin;
    if (admin->text == NULL || !address_is_complete(admin)) return;
    if (admin->fd_name)
        diagnostics_error(bind->found, admin->mark,
                          "whoever asks has to find the admin address: write 127.0.0.1:9883 or "
                          "unix:PATH");
    if (address_reach(admin) != ADDRESS_LOCAL && !config->admin_allow_remote)
        diagnostics_error(bind->found, admin->mark,
                          "whoever reaches %s learns who connects, and nobody is asked for a "
                          "password: use 127.0.0.1 or unix:PATH, or set allow_remote: true",
                          admin->text);
}

static void check_drain(struct bind *bind, const struct config *config)
{
    const struct config_drain *drain = &config->drain;
    if (bind_given(bind, &drain->spread_ms) && drain->spread_ms > drain->timeout_ms)
        diagnostics_warning(bind->found, bind_mark(bind, &drain->spread_ms),
                            "whoever is left at the timeout of drain is ended, so clients leave "
                            "faster than spread says: make timeout longer");
}

void validate(struct bind *bind, struct config *config)
{
    validate_names(bind, config);
    for (size_t i = 0; i < config->listeners_count; i++) {
        check_tls(bind, &config->listeners[i]);
        check_proxies(bind, &config->listeners[i]);
        check_sources(bind, &config->listeners[i]);
        check_policy_on(bind, config, &config->listeners[i]);
    }
    check_addresses(bind, config);
    check_admin(bind, config);
    check_drain(bind, config);
    validate_backends(bind, config);
    validate_policies(bind, config);
    check_unused(bind, config);
}
