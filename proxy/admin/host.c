// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { NAME_ROOM = 256 };

/* Without brackets, zone, port and the last dot. False: it is too long, or no host. */
static bool bare_name(char name[static NAME_ROOM], const char *host)
{
    bool bracketed = host[0] == '[';
    if (bracketed) host++;
    size_t length = strcspn(host, bracketed ? "]%" : ":");
    if (!bracketed && length > 0 && host[length - 1] == '.') length--;
    if (length == 0 || length >= NAME_ROOM) return false;
    memcpy(name, host, length);
    name[length] = '\0';
    return true;
}

static bool is_address(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* RFC 6761, 6.3: no resolver asks anybody about it. */
static bool is_localhost(const char *name)
{
    static const char suffix[] = ".localhost";
    size_t length = strlen(name);
    if (text_equal_nocase(span_of(name), span_of(suffix + 1))) return true;
    return length > sizeof suffix - 1 &&
           text_equal_nocase(span_of(name + length - (sizeof suffix - 1)), span_of(suffix));
}

bool host_is_known(const struct config *config, const char *host)
{
    char name[NAME_ROOM];
    if (host == NULL) return true;
    if (!bare_name(name, host)) return false;
    if (is_address(name) || is_localhost(name)) return true;
    if (config->admin.host != NULL && text_equal_nocase(span_of(name), span_of(config->admin.host)))
        return true;
    for (size_t i = 0; i < config->admin_names.count; i++)
        if (text_equal_nocase(span_of(name), span_of(config->admin_names.items[i]))) return true;
    return false;
}
