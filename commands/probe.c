// SPDX-License-Identifier: GPL-3.0-or-later
/* postern probe: what a client sees of a server, ours or any other. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "commands/probe_print.h"
#include "probe/probe.h"
#include "proxy/tls/wolfssl.h"

enum { TIMEOUT_MS = 10000, LONGEST_PASSWORD = 1024 };

static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

struct asked {
    const char *authorities;
    const char *certificate;
    const char *private_key;
    const char *server_name;
    const char *tls;
    const char *client_id;
    const char *username;
    const char *password_file;
    bool json;
    struct option_values words;
};

/* HOST:PORT or [IPV6]:PORT, in place. */
static bool split(char *address, char **host, char **port)
{
    char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || colon[1] == '\0') return false;
    *colon = '\0';
    *host = address;
    *port = colon + 1;
    if (address[0] != '[') return strchr(address, ':') == NULL;
    if (colon[-1] != ']') return false;
    colon[-1] = '\0';
    *host = address + 1;
    return true;
}

/* An IP address is no server name (RFC 6066, 3). */
static bool is_name(const char *host)
{
    return strchr(host, ':') == NULL && strspn(host, "0123456789.") != strlen(host);
}

/* The first line of the file. NULL: told why. */
static char *read_password(const char *path)
{
    struct err err = {{0}};
    size_t length = 0;
    char *password = (char *)file_read(path, LONGEST_PASSWORD, &length, &err);
    if (password == NULL)
        (void)fprintf(stderr, "postern: %s\n", err.text);
    else
        password[strcspn(password, "\r\n")] = '\0';
    return password;
}

static int answer(const struct asked *asked, const struct probe_question *question)
{
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) return 1;
    json_t *seen = probe_server(question);
    if (asked->json) {
        (void)json_dumpf(seen, stdout, JSON_INDENT(2)); /* a full disk is seen by who reads it */
        (void)fputc('\n', stdout);
    } else {
        probe_print(stdout, seen);
    }
    int code = json_is_true(json_object_get(seen, "good")) ? 0 : 1;
    json_decref(seen);
    (void)wolfSSL_Cleanup(); /* nothing can be done about it at the end */
    return code;
}

static int ask(const struct asked *asked, const char *host, const char *port)
{
    char client_id[32];
    char *password = NULL;
    const char *name = is_name(host) ? host : NULL;
    int tls = asked->tls == NULL ? 0 : strcmp(asked->tls, "1.2") == 0 ? 12 : 13;
    if (asked->password_file != NULL && (password = read_password(asked->password_file)) == NULL)
        return 1;
    (void)snprintf(client_id, sizeof client_id, "postern-probe-%ld", (long)getpid());
    const struct probe_question question = {
        .connection = {.host = host,
                       .port = port,
                       .server_name = asked->server_name != NULL ? asked->server_name : name,
                       .certificate = asked->certificate,
                       .private_key = asked->private_key,
                       .tls_version = tls,
                       .timeout_ms = TIMEOUT_MS},
        .authorities = asked->authorities == NULL ? system_authorities : asked->authorities,
        .client_id = asked->client_id == NULL ? client_id : asked->client_id,
        .username = asked->username,
        .password = password,
    };
    int code = answer(asked, &question);
    if (password != NULL) explicit_bzero(password, strlen(password));
    free(password);
    return code;
}

static int probe(const struct options_command *command, const struct asked *asked)
{
    char *host = NULL;
    char *port = NULL;
    char *address = strdup(asked->words.items[0]);
    int code = 0;
    CHECK(address != NULL);
    if (!split(address, &host, &port))
        code = options_usage_error(command, "an address is HOST:PORT or [IPV6]:PORT, not %s",
                                   asked->words.items[0]);
    else if ((asked->certificate == NULL) != (asked->private_key == NULL))
        code = options_usage_error(command, "--cert and --key belong together");
    else if (asked->tls != NULL && strcmp(asked->tls, "1.2") != 0 && strcmp(asked->tls, "1.3") != 0)
        code = options_usage_error(command, "--tls is 1.2 or 1.3, not %s", asked->tls);
    else
        code = ask(asked, host, port);
    free(address);
    return code;
}

int probe_main(int argc, char **argv)
{
    struct asked asked = {.authorities = NULL};
    int code = OPTIONS_OK;
    const struct option_spec specs[] = {
        {"ca",            0, "FILE",    "the CAs to trust (PEM); else the system's",          .text = &asked.authorities},
        {"cert",          0, "FILE",    "a client certificate, then its intermediates (PEM)",
         .text = &asked.certificate                                                                                     },
        {"key",           0, "FILE",    "its private key",                                    .text = &asked.private_key},
        {"server-name",   0, "NAME",    "the TLS server name; else the host",
         .text = &asked.server_name                                                                                     },
        {"tls",           0, "VERSION", "1.2 or 1.3; else the best",                          .text = &asked.tls        },
        {"client-id",     0, "TEXT",    "the MQTT client id; else one of its own",
         .text = &asked.client_id                                                                                       },
        {"username",      0, "TEXT",    "the MQTT username",                                  .text = &asked.username   },
        {"password-file", 0, "FILE",    "a file whose first line is the password",
         .text = &asked.password_file                                                                                   },
        {"json",          0, NULL,      "what was seen as JSON",                              .on = &asked.json         },
    };
    const struct options_command command = {
        .name = "probe",
        .summary = "Connects as a client would, within 10 s, and shows what it sees: TLS, the "
                   "chain of certificates\nlink by link, and the broker's CONNACK. Exit status: 0 "
                   "all good, 1 something is wrong, which\nthe last line says.",
        .specs = specs,
        .count = ARRAY_LENGTH(specs),
        .words_usage = "HOST:PORT",
        .words = &asked.words,
        .words_min = 1,
        .words_max = 1};
    if (!options_read(&command, argc, argv, &code)) return code;
    return probe(&command, &asked);
}
