// SPDX-License-Identifier: GPL-3.0-or-later
/* postern explain: which rule decides for a client, and why no earlier one does. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "certs/certificate.h"
#include "certs/pem.h"
#include "commands/commands.h"
#include "commands/explain_answer.h"
#include "commands/findings.h"
#include "commands/options.h"
#include "mqtt/packet.h"
#include "mqtt/version.h"

enum { ADMITTED = 0, FAILED = 1, REFUSED = 3 };

struct asked {
    const char *file;
    const char *listener;
    const char *client_id;
    const char *username;
    const char *mqtt;
    const char *tls;
    const char *certificate;
    const char *source;
    const char *server_name;
    bool json;
};

static void on_finding(void *arg, const char *path, struct config_mark mark,
                       enum config_severity severity, const char *text)
{
    (void)arg;
    if (severity == CONFIG_ERROR) print_finding(stderr, path, mark, severity, text);
}

static bool read_mqtt(const char *text, unsigned *version)
{
    for (*version = MQTT_3_1; *version <= MQTT_5; (*version)++)
        if (strcmp(mqtt_version_name(*version), text) == 0) return true;
    return false;
}

static bool read_tls(const char *text, unsigned *version)
{
    *version = strcmp(text, "1.2") == 0 ? IDENTITY_TLS_1_2 : IDENTITY_TLS_1_3;
    return strcmp(text, "1.2") == 0 || strcmp(text, "1.3") == 0;
}

static bool read_source(const char *text, struct in6_addr *source)
{
    char mapped[INET6_ADDRSTRLEN + 8];
    if (strlen(text) > INET6_ADDRSTRLEN) return false;
    (void)snprintf(mapped, sizeof mapped, "%s%s", strchr(text, ':') == NULL ? "::ffff:" : "", text);
    return inet_pton(AF_INET6, mapped, source) == 1;
}

/* The words of the options; what the certificate says is added later. Not 0: the exit code. */
static int read_facts(const struct options_command *command, const struct asked *asked,
                      struct facts *facts)
{
    if (!read_mqtt(asked->mqtt, &facts->mqtt_version))
        return options_usage_error(command, "--mqtt is 3.1, 3.1.1 or 5, not %s", asked->mqtt);
    if (!read_tls(asked->tls, &facts->tls_version))
        return options_usage_error(command, "--tls is 1.2 or 1.3, not %s", asked->tls);
    if (!read_source(asked->source, &facts->source))
        return options_usage_error(command, "--source is an IP address, not %s", asked->source);
    facts->client_id = span_of(asked->client_id);
    facts->has_username = asked->username != NULL;
    facts->username = span_of(asked->username == NULL ? "" : asked->username);
    facts->server_name = span_of(asked->server_name == NULL ? "" : asked->server_name);
    return 0;
}

static const struct config_listener *find_listener(const struct config *config, const char *name)
{
    if (name == NULL) return &config->listeners[0];
    for (size_t i = 0; i < config->listeners_count; i++)
        if (strcmp(config->listeners[i].name, name) == 0) return &config->listeners[i];
    return NULL;
}

static int unknown_listener(const struct options_command *command, const struct config *config,
                            const char *name)
{
    const char *nearest = NULL;
    const char **names = calloc(config->listeners_count, sizeof(char *));
    CHECK(names != NULL && config->listeners != NULL);
    for (size_t i = 0; i < config->listeners_count; i++)
        names[i] = config->listeners[i].name;
    nearest = text_nearest(name, names, config->listeners_count);
    int code = nearest == NULL
                   ? options_usage_error(command, "no listener is named %s", name)
                   : options_usage_error(command, "no listener is named %s; did you mean %s?", name,
                                         nearest);
    free(names);
    return code;
}

/* The leaf of a PEM file, or NULL: told why. */
static struct identity_certificate *read_identity(const char *path)
{
    struct pem pem;
    struct err err;
    struct certificate leaf;
    if (!pem_load(&pem, path, &err)) {
        (void)fprintf(stderr, "postern: %s\n", err.text);
        return NULL;
    }
    struct identity_certificate *identity = NULL;
    const struct pem_block *block = pem_find(&pem, PEM_CERTIFICATE, 0);
    if (block != NULL && certificate_read(&leaf, block->der.data, block->der.length)) {
        identity = identity_certificate_new(&leaf, NULL, 0);
        certificate_clear(&leaf);
    } else {
        (void)fprintf(stderr, "postern: %s holds no certificate that can be read\n", path);
    }
    pem_clear(&pem);
    return identity;
}

static int answer(const struct asked *asked, const struct config *config,
                  const struct config_listener *listener, struct facts *facts)
{
    struct identity_certificate *identity = NULL;
    if (asked->certificate != NULL && (identity = read_identity(asked->certificate)) == NULL)
        return FAILED;
    /* A listener that asks for no certificate is shown none. */
    bool shown = listener->tls.client_certificate != CONFIG_CLIENT_CERTIFICATE_NONE;
    facts->certificate = shown ? identity : NULL;
    if (!shown && identity != NULL)
        (void)fprintf(stderr, "postern: %s asks for no certificate, so that it sees none\n",
                      listener->name);
    facts->listener = listener->name;
    json_t *said = explain_answer(&(struct explain_question){
        config, listener, *facts, shown ? asked->certificate : NULL, time(NULL)});
    if (asked->json) {
        (void)json_dumpf(said, stdout, JSON_INDENT(2)); /* a full disk is seen by who reads it */
        (void)fputc('\n', stdout);
    } else {
        explain_print(stdout, said);
    }
    int code = json_is_true(json_object_get(said, "admitted")) ? ADMITTED : REFUSED;
    json_decref(said);
    free(identity);
    return code;
}

static int explain(const struct options_command *command, const struct asked *asked)
{
    struct facts facts = {0};
    int code = read_facts(command, asked, &facts);
    if (code != 0) return code;
    struct config *config = config_load(asked->file, on_finding, NULL);
    if (config == NULL) return FAILED;
    const struct config_listener *listener = find_listener(config, asked->listener);
    code = listener == NULL ? unknown_listener(command, config, asked->listener)
                            : answer(asked, config, listener, &facts);
    config_free(config);
    return code;
}

int explain_main(int argc, char **argv)
{
    struct asked asked = {.client_id = "", .mqtt = "3.1.1", .tls = "1.3", .source = "127.0.0.1"};
    int code = OPTIONS_OK;
    const struct option_spec specs[] = {
        {"config", 'c',   "FILE",   "the configuration (YAML)", .text = &asked.file,             .required = true},
        {"listener",        0,    "NAME",    "where the client comes in; else the first one",
         .text = &asked.listener },
        {"client-id",        0,   "TEXT",   "its client id; else an empty one",                     .text = &asked.client_id              },
        {"username",        0,    "TEXT",    "its username; else none",                     .text = &asked.username         },
        {"mqtt",        0,        "VERSION",        "3.1, 3.1.1 or 5; else 3.1.1",                  .text = &asked.mqtt   },
        {"tls",        0,         "VERSION",         "1.2 or 1.3; else 1.3",                  .text = &asked.tls               },
        {"certificate",        0, "PEM", "its certificate, then its intermediates; else none",
         .text = &asked.certificate},
        {"source",        0,      "IP",      "where it comes from; else 127.0.0.1",                       .text = &asked.source                          },
        {"server-name",        0, "NAME", "the TLS server name that it asks for; else none",
         .text = &asked.server_name},
        {"json",        0,        NULL,        "the answer as JSON",                       .on = &asked.json                                                  },
    };
    const struct options_command command = {
        "explain",
        "Says which rule decides for such a client, why each earlier rule does not, and what would\n"
        "happen. Exit status: 0 admitted, 3 refused, 1 when a file cannot be used.",
        specs, ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    return explain(&command, &asked);
}
