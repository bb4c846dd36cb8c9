// SPDX-License-Identifier: GPL-3.0-or-later
/* Backends: where plaintext may travel to, and what makes sense together. */
#include <string.h>

#include "config/address.h"
#include "config/validate.h"

static void check_server(struct bind *bind, const struct config_backend *backend,
                         const struct config_server *server)
{
    const struct config_address *address = &server->address;
    if (!address_is_complete(address)) return;
    if (address->fd_name) {
        diagnostics_error(bind->found, address->mark,
                          "a socket that is passed in is one to listen on, and no server: write "
                          "HOST:PORT or unix:PATH");
        return;
    }
    enum address_reach reach = address_reach(address);
    if (reach == ADDRESS_PUBLIC && !backend->allow_public_plaintext)
        diagnostics_error(bind->found, address->mark,
                          "%s is a public address, and MQTT would travel to it unencrypted: reach "
                          "the broker over a private network or a tunnel, or set "
                          "allow_public_plaintext: true",
                          address->text);
    if (reach == ADDRESS_PRIVATE)
        diagnostics_warning(bind->found, address->mark,
                            "MQTT travels to %s unencrypted: make sure that nobody else is on "
                            "that network",
                            address->text);
    if (reach == ADDRESS_NAME)
        diagnostics_warning(bind->found, address->mark,
                            "MQTT travels to %s unencrypted, wherever the name leads: make sure "
                            "that nobody else is on that network",
                            address->text);
}

static void check_count(struct bind *bind, const struct config_backend *backend)
{
    size_t count = backend->servers_count;
    if (count > CONFIG_MOST_SERVERS) {
        diagnostics_error(bind->found, bind_mark(bind, &backend->servers),
                          "a backend can have %d servers at most, and this one has %zu: put some "
                          "of them behind one name, or make another backend",
                          CONFIG_MOST_SERVERS, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct config_address *address = &backend->servers[i].address;
            const struct config_address *other = &backend->servers[j].address;
            if (!address_is_complete(address) || !address_is_complete(other) ||
                !address_equal(address, other))
                continue;
            diagnostics_warning(bind->found, address->mark,
                                "%s is a server of this backend already: give that one a weight "
                                "in place of naming it twice",
                                address->text);
            break;
        }
}

/* A session that a broker keeps is on that broker alone. */
static void check_home(struct bind *bind, const struct config_backend *backend)
{
    if (backend->servers_count < 2 || backend->balance == CONFIG_CLIENT_ID) return;
    diagnostics_warning(bind->found,
                        bind_mark_or(bind, &backend->balance, bind_mark(bind, &backend->servers)),
                        "clients that keep a session may come back to another server than the one "
                        "that has it: set balance to client_id, unless these brokers share their "
                        "sessions");
}

static void check_queue(struct bind *bind, const struct config_backend *backend)
{
    bool limited = false;
    for (size_t i = 0; i < backend->servers_count; i++)
        limited = limited || backend->servers[i].max_connections > 0;
    bool given = bind_given(bind, &backend->queue.size) ||
                 bind_given(bind, &backend->queue.timeout_ms);
    if (given && !limited)
        diagnostics_warning(
            bind->found,
            bind_mark_or(bind, &backend->queue.size, bind_mark(bind, &backend->queue.timeout_ms)),
            "nobody waits in queue while no server has max_connections: give the "
            "servers that limit, or remove queue");
}

static void check_sources(struct bind *bind, const struct config_backend *backend)
{
    const struct config_strings *sources = &backend->source_addresses;
    bool any_tcp = false;
    for (size_t i = 0; i < backend->servers_count; i++)
        any_tcp = any_tcp || backend->servers[i].address.unix_path == NULL;
    if (sources->count > 0 && !any_tcp)
        diagnostics_warning(bind->found, bind_mark(bind, &sources->items),
                            "source_addresses has no effect without a server that is reached by "
                            "TCP");
    for (size_t i = 0; i < sources->count; i++) {
        const char *source = sources->items[i];
        struct config_mark mark = bind_mark(bind, &sources->items[i]);
        if (source == NULL) continue;
        if (!address_is_ip(source))
            diagnostics_error(bind->found, mark,
                              "source_addresses: \"%.60s\" is no IP address: write one of this "
                              "machine, without a port",
                              source);
        for (size_t j = 0; j < i; j++)
            if (sources->items[j] != NULL && strcmp(sources->items[j], source) == 0)
                diagnostics_error(bind->found, mark,
                                  "source_addresses: %.60s is there twice: remove one of them",
                                  source);
    }
}

static void check_resolver(struct bind *bind, const struct config *config)
{
    for (size_t i = 0; i < config->resolver.count; i++) {
        const char *text = config->resolver.items[i];
        struct config_address address = {0};
        struct err err;
        if (text == NULL || address_is_ip(text)) continue;
        if (!address_read(text, bind->directory, bind->arena, &address, &err) ||
            address.unix_path != NULL || !address_is_ip(address.host))
            diagnostics_error(bind->found, bind_mark(bind, &config->resolver.items[i]),
                              "resolver: \"%.60s\" is no IP address with a port: write it as "
                              "10.0.0.2:53 or \"[fd00::2]:53\"",
                              text);
    }
}

static void check_backend(struct bind *bind, const struct config_backend *backend)
{
    bool servers = bind_given(bind, &backend->servers);
    if (servers && backend->builtin_broker)
        diagnostics_error(bind->found, bind_mark(bind, &backend->builtin_broker),
                          "a backend has either servers or builtin_broker: remove one of them");
    if (!backend->builtin_broker && backend->servers_count == 0)
        diagnostics_error(bind->found, bind_mark_or(bind, &backend->servers, backend->mark),
                          "a backend needs servers, or builtin_broker: true");
    if (backend->builtin_broker) validate_broker(bind, &backend->broker);
    if (backend->builtin_broker && backend->proxy_protocol != CONFIG_PROXY_OFF)
        diagnostics_error(bind->found, bind_mark(bind, &backend->proxy_protocol),
                          "the included broker reads no PROXY protocol, for it is in this process: "
                          "remove proxy_protocol");
    for (size_t i = 0; i < backend->servers_count; i++)
        check_server(bind, backend, &backend->servers[i]);
    check_count(bind, backend);
    check_home(bind, backend);
    check_queue(bind, backend);
    check_sources(bind, backend);
}

/* There is one included broker in a process. */
static void check_included_broker(struct bind *bind, const struct config *config)
{
    const struct config_backend *first = NULL;
    for (size_t i = 0; i < config->backends_count; i++) {
        const struct config_backend *backend = &config->backends[i];
        if (!backend->builtin_broker) continue;
        if (first)
            diagnostics_error(bind->found, bind_mark(bind, &backend->builtin_broker),
                              "the backend in line %u is the included broker already, and there is "
                              "only one: use that backend",
                              first->mark.line);
        else
            first = backend;
    }
}

void validate_backends(struct bind *bind, const struct config *config)
{
    for (size_t i = 0; i < config->backends_count; i++)
        check_backend(bind, &config->backends[i]);
    check_included_broker(bind, config);
    check_resolver(bind, config);
}
