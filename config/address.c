// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/text.h"
#include "config/units.h"

enum { HOST_BYTES_MAX = 253, FD_NAME_BYTES_MAX = 255, SHOWN = 80, MAPPED_BITS = 96 };

static bool is_in_range(const struct config_cidr *range, const struct in6_addr *address)
{
    unsigned whole = range->prefix / 8;
    unsigned rest = range->prefix % 8;
    if (memcmp(range->address.s6_addr, address->s6_addr, whole) != 0) return false;
    if (rest == 0) return true;
    uint8_t difference = range->address.s6_addr[whole] ^ address->s6_addr[whole];
    return difference >> (8 - rest) == 0;
}

bool address_in_ranges(const struct config_cidrs *ranges, const struct in6_addr *address)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (is_in_range(&ranges->items[i], address)) return true;
    return false;
}

char *address_absolute(const char *path, const char *directory, struct arena *arena)
{
    if (path[0] == '/') return arena_text(arena, path, strlen(path));
    if (strncmp(path, "./", 2) == 0) path += 2;
    return arena_format(arena, "%s/%s", directory, path);
}

static bool read_unix(const char *path, const char *directory, struct arena *arena,
                      struct config_address *out, struct err *err)
{
    if (*path == 0) return err_set(err, "unix: needs the path of a socket: unix:/run/NAME.sock");
    out->unix_path = address_absolute(path, directory, arena);
    out->text = arena_format(arena, "unix:%s", out->unix_path);
    size_t room = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (strlen(out->unix_path) > room)
        return err_set(err,
                       "the path of a unix socket can have %zu bytes, and %.120s has %zu: "
                       "choose a shorter one",
                       room, out->unix_path, strlen(out->unix_path));
    return true;
}

/* As systemd.socket(5) allows for FileDescriptorName. */
static bool read_fd(const char *text, struct arena *arena, struct config_address *out,
                    struct err *err)
{
    const char *name = text + 3;
    size_t length = strlen(name);
    bool good = length > 0 && length <= FD_NAME_BYTES_MAX;
    for (size_t i = 0; i < length; i++)
        good = good && name[i] > ' ' && name[i] < 0x7f && name[i] != ':';
    if (!good)
        return err_set(err,
                       "\"%.80s\": fd: needs the name of a socket that is passed in, as in "
                       "fd:mqtts; FileDescriptorName= in a systemd socket unit gives it one",
                       text);
    out->text = arena_text(arena, text, strlen(text));
    out->fd_name = arena_text(arena, name, length);
    return true;
}

/* An IPv6 address may name its interface behind a percent sign. */
static bool is_ipv6(const char *host)
{
    char bare[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t length = strcspn(host, "%");
    if (length >= sizeof bare) return false;
    memcpy(bare, host, length);
    bare[length] = 0;
    return inet_pton(AF_INET6, bare, &address) == 1;
}

static bool check_host(const char *host, const char *text, struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-_";
    struct in_addr address;
    if (strcmp(host, "*") == 0)
        return err_set(err,
                       "\"%.80s\": write 0.0.0.0 for every IPv4 address, [::] for every "
                       "address",
                       text);
    if (strlen(host) > HOST_BYTES_MAX || host[strspn(host, allowed)] != 0)
        return err_set(err, "\"%.80s\" has no valid host name or address before the port", text);
    if (host[strspn(host, "0123456789.")] == 0 && inet_pton(AF_INET, host, &address) != 1)
        return err_set(err, "\"%.80s\" has no valid IPv4 address before the port", text);
    return true;
}

static bool read_port(const char *port, const char *text, uint16_t *out, struct err *err)
{
    uint64_t number = 0;
    if (!units_number(port, &number, NULL) || number < 1 || number > UINT16_MAX)
        return err_set(err,
                       "\"%.80s\" has no valid port: write HOST:PORT with a port from 1 to "
                       "65535",
                       text);
    *out = (uint16_t)number;
    return true;
}

static bool no_host(const char *text, struct err *err)
{
    uint64_t port = 0;
    const char *digits = text[0] == ':' ? text + 1 : text;
    if (units_number(digits, &port, NULL))
        return err_set(err,
                       "\"%.80s\" has no host: write 127.0.0.1:%.10s for this machine alone, "
                       "0.0.0.0:%.10s or \"[::]:%.10s\" for all of its addresses",
                       text, digits, digits, digits);
    return err_set(err, "\"%.80s\" is no address: write HOST:PORT, [IPV6]:PORT or unix:PATH", text);
}

static bool read_bracketed(const char *text, struct arena *arena, struct config_address *out,
                           struct err *err)
{
    const char *end = strchr(text, ']');
    if (!end || end[1] != ':')
        return err_set(err, "\"%.80s\" is no address: write [IPV6]:PORT", text);
    out->host = arena_text(arena, text + 1, (size_t)(end - text) - 1);
    if (!is_ipv6(out->host))
        return err_set(err, "\"%.80s\" has no valid IPv6 address in its brackets", text);
    return read_port(end + 2, text, &out->port, err);
}

bool address_read(const char *text, const char *directory, struct arena *arena,
                  struct config_address *out, struct err *err)
{
    *out = (struct config_address){.mark = out->mark};
    if (strncmp(text, "unix:", 5) == 0) return read_unix(text + 5, directory, arena, out, err);
    if (strncmp(text, "fd:", 3) == 0) return read_fd(text, arena, out, err);
    out->text = arena_text(arena, text, strlen(text));
    if (text[0] == '[') return read_bracketed(text, arena, out, err);
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text) return no_host(text, err);
    out->host = arena_text(arena, text, (size_t)(colon - text));
    if (strchr(out->host, ':'))
        return err_set(err, "\"%.80s\": write an IPv6 address in brackets, as in \"[::1]:1883\"",
                       text);
    return check_host(out->host, text, err) && read_port(colon + 1, text, &out->port, err);
}

static enum address_reach reach_of_ipv4(uint32_t address)
{
    if (address >> 24 == 127) return ADDRESS_LOCAL;
    if (address >> 24 == 10 || address >> 20 == 0xac1 || address >> 16 == 0xc0a8 ||
        address >> 16 == 0xa9fe || address >> 22 == (0x64400000 >> 22))
        return ADDRESS_PRIVATE;
    return ADDRESS_PUBLIC;
}

static enum address_reach reach_of_ipv6(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_LOOPBACK(address)) return ADDRESS_LOCAL;
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        uint32_t ipv4;
        memcpy(&ipv4, &address->s6_addr[12], sizeof ipv4);
        return reach_of_ipv4(ntohl(ipv4));
    }
    if (IN6_IS_ADDR_LINKLOCAL(address) || (address->s6_addr[0] & 0xfe) == 0xfc)
        return ADDRESS_PRIVATE;
    return ADDRESS_PUBLIC;
}

enum address_reach address_reach(const struct config_address *address)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    char bare[INET6_ADDRSTRLEN];
    if (address->unix_path || address->fd_name) return ADDRESS_LOCAL;
    if (inet_pton(AF_INET, address->host, &ipv4) == 1) return reach_of_ipv4(ntohl(ipv4.s_addr));
    (void)snprintf(bare, sizeof bare, "%.*s", (int)strcspn(address->host, "%"), address->host);
    if (inet_pton(AF_INET6, bare, &ipv6) == 1) return reach_of_ipv6(&ipv6);
    return text_equal_nocase(span_of(address->host), span_of("localhost")) ? ADDRESS_LOCAL
                                                                           : ADDRESS_NAME;
}

bool address_equal(const struct config_address *a, const struct config_address *b)
{
    struct in6_addr left;
    struct in6_addr right;
    if (a->fd_name || b->fd_name)
        return a->fd_name && b->fd_name && strcmp(a->fd_name, b->fd_name) == 0;
    if (a->unix_path || b->unix_path)
        return a->unix_path && b->unix_path && strcmp(a->unix_path, b->unix_path) == 0;
    if (a->port != b->port) return false;
    if (inet_pton(AF_INET6, a->host, &left) == 1 && inet_pton(AF_INET6, b->host, &right) == 1)
        return memcmp(&left, &right, sizeof left) == 0;
    return text_equal_nocase(span_of(a->host), span_of(b->host));
}

bool address_is_complete(const struct config_address *address)
{
    return address->unix_path || address->fd_name || (address->host && address->port);
}

bool address_is_ip(const char *text)
{
    struct in_addr ipv4;
    return inet_pton(AF_INET, text, &ipv4) == 1 || is_ipv6(text);
}

static bool clear_host_bits(struct config_cidr *cidr)
{
    bool some = false;
    for (unsigned bit = cidr->prefix; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        if (cidr->address.s6_addr[bit / 8] & mask) some = true;
        cidr->address.s6_addr[bit / 8] = (uint8_t)(cidr->address.s6_addr[bit / 8] & ~mask);
    }
    return some;
}

bool address_read_cidr(const char *text, struct config_cidr *out, bool *host_bits, struct err *err)
{
    char host[INET6_ADDRSTRLEN];
    uint8_t ipv4[4];
    uint64_t prefix = 128;
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    *out = (struct config_cidr){.prefix = 128};
    if (length >= sizeof host) goto fail;
    memcpy(host, text, length);
    host[length] = 0;
    if (slash && !units_number(slash + 1, &prefix, NULL)) goto fail;
    if (inet_pton(AF_INET, host, ipv4) == 1) {
        if (slash && prefix > 32) goto fail;
        prefix = slash ? prefix + MAPPED_BITS : 128;
        out->address.s6_addr[10] = out->address.s6_addr[11] = 0xff;
        memcpy(&out->address.s6_addr[12], ipv4, sizeof ipv4);
    } else if (inet_pton(AF_INET6, host, &out->address) != 1) {
        goto fail;
    }
    if (prefix > 128) goto fail;
    out->prefix = (unsigned)prefix;
    *host_bits = clear_host_bits(out);
    return true;
fail:
    return err_set(err,
                   "\"%.80s\" is no range of addresses: write it as 10.0.0.0/8, fd00::/8 or a "
                   "single address",
                   text);
}
