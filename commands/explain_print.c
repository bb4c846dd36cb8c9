// SPDX-License-Identifier: GPL-3.0-or-later
/* The answer of explain for people: one thing a line, the verdict last. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "commands/explain_answer.h"

enum { SHOWN_ROOM = 1024 };

static const char *text(const json_t *object, const char *key)
{
    const char *found = json_string_value(json_object_get(object, key));
    return found == NULL ? "" : found;
}

static void print(FILE *out, const char *label, const char *value)
{
    (void)fprintf(out, "%-12s%s\n", label, value);
}

static void print_escaped(FILE *out, const char *label, const json_t *value)
{
    char shown[SHOWN_ROOM];
    const char *found = json_string_value(value);
    if (found == NULL) {
        print(out, label, "none");
        return;
    }
    (void)text_escape(shown, sizeof shown, span_of(found)); /* a long one is cut */
    (void)fprintf(out, "%-12s\"%s\"\n", label, shown);
}

static void print_client(FILE *out, const json_t *client)
{
    print_escaped(out, "client id", json_object_get(client, "client_id"));
    print_escaped(out, "username", json_object_get(client, "username"));
    (void)fprintf(out, "%-12sMQTT %s over TLS %s from %s\n", "speaks", text(client, "mqtt"),
                  text(client, "tls"), text(client, "source"));
    print_escaped(out, "server name", json_object_get(client, "server_name"));
    print_escaped(out, "certificate", json_object_get(client, "certificate"));
}

static void print_rules(FILE *out, const json_t *answer)
{
    size_t index;
    const json_t *rule;
    json_array_foreach(json_object_get(answer, "rules"), index, rule)
    {
        char shown[SHOWN_ROOM];
        (void)text_printable(shown, sizeof shown, text(rule, "because")); /* a long one is cut */
        (void)fprintf(out, "%-12s\"%s\" (line %" JSON_INTEGER_FORMAT ") %s: %s\n", "rule",
                      text(rule, "name"), json_integer_value(json_object_get(rule, "line")),
                      text(rule, "verdict"), shown);
    }
    if (json_object_get(answer, "otherwise") != NULL)
        (void)fprintf(out, "%-12sno rule matches, and otherwise is %s\n", "rule",
                      text(answer, "otherwise"));
}

static void print_connect(FILE *out, const json_t *connect)
{
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(connect, "user_properties"), key,
                        value)
    {
        (void)fprintf(out, "%-12suser property %s: ", "told", key);
        (void)fprintf(out, json_is_null(value) ? "left out\n" : "\"%s\"\n",
                      json_string_value(value));
    }
    if (json_object_get(connect, "client_id") != NULL)
        (void)fprintf(out, "%-12sclient id \"%s\"\n", "told", text(connect, "client_id"));
    if (json_object_get(connect, "username") != NULL)
        (void)fprintf(out, "%-12susername \"%s\"\n", "told", text(connect, "username"));
    if (json_object_get(connect, "password_from") != NULL)
        (void)fprintf(out, "%-12sthe password in %s\n", "told", text(connect, "password_from"));
}

static void print_filters(FILE *out, const char *label, const json_t *topics, const char *key)
{
    size_t index;
    const json_t *filter;
    const json_t *filters = json_object_get(topics, key);
    if (filters == NULL) return;
    (void)fprintf(out, "%-12s%s", label, key);
    if (json_array_size(filters) == 0) (void)fputs(" nothing", out);
    json_array_foreach(filters, index, filter)(void)
        fprintf(out, "%s \"%s\"", index ? "," : "", json_string_value(filter));
    (void)fputc('\n', out);
}

static void print_topics(FILE *out, const char *label, const json_t *topics)
{
    print_filters(out, label, topics, "allow");
    if (json_array_size(json_object_get(topics, "deny")) > 0)
        print_filters(out, label, topics, "deny");
}

static void print_admission(FILE *out, const json_t *answer)
{
    size_t index;
    const json_t *server;
    print_connect(out, json_object_get(answer, "connect"));
    print_topics(out, "publish", json_object_get(answer, "publish"));
    print_topics(out, "subscribe", json_object_get(answer, "subscribe"));
    (void)fprintf(out, "%-12sto the backend \"%s\":", "admitted", text(answer, "backend"));
    json_array_foreach(json_object_get(answer, "servers"), index, server)(void)
        fprintf(out, "%s %s", index ? "," : "", json_string_value(server));
    (void)fputc('\n', out);
}

static void print_code(FILE *out, const char *version, const json_t *code)
{
    if (json_is_null(code))
        (void)fprintf(out, "%-12sthe connection is closed\n", version);
    else
        (void)fprintf(out, "%-12sCONNACK 0x%02" PRIx64 "\n", version,
                      (uint64_t)json_integer_value(code));
}

static void print_refusal(FILE *out, const json_t *refusal)
{
    char shown[SHOWN_ROOM];
    if (strcmp(text(refusal, "where"), "handshake") == 0) {
        print(out, "told", "a TLS alert, in the handshake");
    } else {
        print_code(out, "MQTT 3.x", json_object_get(refusal, "mqtt_3_code"));
        print_code(out, "MQTT 5", json_object_get(refusal, "mqtt_5_code"));
    }
    (void)text_printable(shown, sizeof shown, text(refusal, "detail")); /* a long one is cut */
    (void)fprintf(out, "%-12s%s: %s\n", "refused", text(refusal, "reason"), shown);
}

void explain_print(FILE *out, const json_t *answer)
{
    print(out, "listener", text(answer, "listener"));
    print_client(out, json_object_get(answer, "client"));
    if (json_object_get(answer, "policy") != NULL) print(out, "policy", text(answer, "policy"));
    print_rules(out, answer);
    if (json_is_true(json_object_get(answer, "admitted")))
        print_admission(out, answer);
    else
        print_refusal(out, json_object_get(answer, "refusal"));
}
