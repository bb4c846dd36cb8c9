// SPDX-License-Identifier: GPL-3.0-or-later
/* Addresses to listen on and to dial, and ranges of source addresses. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/arena.h"
#include "config/config.h"

enum address_reach {
    ADDRESS_LOCAL,   /* loopback or a unix socket */
    ADDRESS_PRIVATE, /* RFC 1918, RFC 6598, RFC 4193, link-local */
    ADDRESS_NAME,    /* a host name, which may be anything */
    ADDRESS_PUBLIC
};

/* Reads HOST:PORT, [IPV6]:PORT, unix:PATH or fd:NAME; a relative PATH is taken from `directory`.
 * The strings of `out` are from `arena`; its mark stays as it is. */
MUST_USE bool address_read(const char *text, const char *directory, struct arena *arena,
                           struct config_address *out, struct err *err);
/* How far away a server is that one reaches at `address`. */
enum address_reach address_reach(const struct config_address *address);
bool address_equal(const struct config_address *a, const struct config_address *b);
/* Whether it could be read. */
bool address_is_complete(const struct config_address *address);
/* Whether `text` is an IPv4 or IPv6 address, without brackets and port. */
bool address_is_ip(const char *text);

/* Reads ADDRESS or ADDRESS/PREFIX. `host_bits` tells that bits below the prefix were set; they
 * are cleared in `out`. */
MUST_USE bool address_read_cidr(const char *text, struct config_cidr *out, bool *host_bits,
                                struct err *err);
/* Whether `address`, IPv4-mapped for IPv4, is in any of the ranges. */
bool address_in_ranges(const struct config_cidrs *ranges, const struct in6_addr *address);
/* `path` as an absolute one, from `arena`; relative ones are taken from `directory`. */
char *address_absolute(const char *path, const char *directory, struct arena *arena);
