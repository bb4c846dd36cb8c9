// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/probe_print.h"

#include <string.h>

#include "base/text.h"

enum { SHOWN_ROOM = 1024 };

static const char *text(const json_t *object, const char *key)
{
    const char *found = json_string_value(json_object_get(object, key));
    return found == NULL ? "none" : found;
}

static long long number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* What servers say is escaped, so that it cannot play with the terminal. */
static void print(FILE *out, const char *label, const char *value)
{
    char shown[SHOWN_ROOM];
    (void)text_printable(shown, sizeof shown, value); /* a long one is cut */
    (void)fprintf(out, "%-10s%s\n", label, shown);
}

static void print_tls(FILE *out, const json_t *tls)
{
    char line[SHOWN_ROOM];
    if (tls == NULL) return;
    (void)snprintf(line, sizeof line, "%s, %s, group %s, ALPN %s", text(tls, "version"),
                   text(tls, "cipher"), text(tls, "group"), text(tls, "alpn"));
    print(out, "tls", line);
}

static void print_link(FILE *out, size_t index, const json_t *link)
{
    char line[SHOWN_ROOM];
    const json_t *issuer = json_object_get(link, "signed_by_sent");
    (void)snprintf(line, sizeof line, "%zu \"%.300s\", %.60s of %lld bits, until %.20s (%lld days)",
                   index + 1, text(link, "subject"), text(link, "key"), number(link, "key_bits"),
                   text(link, "not_after"), number(link, "days_left"));
    print(out, index == 0 ? "chain" : "", line);
    if (json_is_null(issuer))
        (void)snprintf(line, sizeof line, "  issued by \"%.300s\"", text(link, "issuer"));
    else
        (void)snprintf(line, sizeof line, "  signed by number %lld",
                       (long long)json_integer_value(issuer));
    print(out, "", line);
}

static void print_chain(FILE *out, const json_t *chain)
{
    char line[SHOWN_ROOM];
    size_t index;
    const json_t *item;
    if (chain == NULL) return;
    json_array_foreach(json_object_get(chain, "links"), index, item) print_link(out, index, item);
    const json_t *missing = json_object_get(chain, "missing");
    const json_t *root = json_object_get(chain, "root");
    if (missing != NULL) {
        (void)snprintf(line, sizeof line, "\"%.300s\", key id %.100s, which is in: %.300s",
                       text(missing, "subject"), text(missing, "key_id"), text(missing, "file"));
        print(out, "missing", line);
    }
    if (root != NULL) {
        (void)snprintf(line, sizeof line, "\"%.300s\" in %.300s", text(root, "subject"),
                       text(root, "file"));
        print(out, "root", line);
    }
    (void)snprintf(line, sizeof line, "\"%.200s\" %s the certificate", text(chain, "name"),
                   json_is_true(json_object_get(chain, "name_matches")) ? "is in" : "is not in");
    print(out, "name", line);
    print(out, "ocsp", text(chain, "ocsp"));
    print(out, "verified", json_is_true(json_object_get(chain, "verified")) ? "yes" : "no");
    json_array_foreach(json_object_get(chain, "problems"), index, item)
        print(out, "problem", json_string_value(item));
}

static void print_mqtt(FILE *out, const json_t *mqtt)
{
    char line[SHOWN_ROOM];
    if (mqtt == NULL) return;
    const json_t *reason = json_object_get(mqtt, "reason_string");
    (void)snprintf(line, sizeof line, "MQTT %s, CONNACK 0x%02llx: %s%s%.400s",
                   text(mqtt, "version"), number(mqtt, "code"), text(mqtt, "meaning"),
                   json_is_string(reason) ? ": " : "",
                   json_is_string(reason) ? json_string_value(reason) : "");
    print(out, "mqtt", line);
}

void probe_print(FILE *out, const json_t *seen)
{
    if (json_object_get(seen, "address") != NULL) print(out, "connected", text(seen, "address"));
    print_tls(out, json_object_get(seen, "tls"));
    print_chain(out, json_object_get(seen, "chain"));
    print_mqtt(out, json_object_get(seen, "mqtt"));
    if (json_is_true(json_object_get(seen, "good")))
        print(out, "result", "all good");
    else
        print(out, "wrong", text(seen, "problem"));
}
