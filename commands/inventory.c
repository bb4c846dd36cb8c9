// SPDX-License-Identifier: GPL-3.0-or-later
/* postern inventory: asks a running Postern who connects with what. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "commands/commands.h"
#include "commands/findings.h"
#include "commands/options.h"
#include "config/config.h"

enum { TIMEOUT_S = 30, URL_ROOM = 300, HTTP_OK = 200 };

static void on_finding(void *arg, const char *path, struct config_mark mark,
                       enum config_severity severity, const char *text)
{
    (void)arg;
    if (severity == CONFIG_ERROR) print_finding(stderr, path, mark, severity, text);
}

/* The options are ones that every libcurl has; a failure shows in the transfer. */
static CURLcode ask(const struct config_address *admin, bool csv, long *status)
{
    char url[URL_ROOM];
    bool v6 = admin->host != NULL && strchr(admin->host, ':') != NULL;
    CURL *curl = curl_easy_init();
    if (curl == NULL) return CURLE_OUT_OF_MEMORY;
    if (admin->unix_path != NULL) {
        (void)snprintf(url, sizeof url, "http://postern/api/v1/inventory%s",
                       csv ? "?format=csv" : "");
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, admin->unix_path);
    } else {
        (void)snprintf(url, sizeof url, "http://%s%s%s:%u/api/v1/inventory%s", v6 ? "[" : "",
                       admin->host, v6 ? "]" : "", admin->port, csv ? "?format=csv" : "");
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, stdout);
    CURLcode done = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status); /* 0 stays otherwise */
    curl_easy_cleanup(curl);
    return done;
}

static int show(const char *path, bool csv)
{
    long status = 0;
    struct config *config = config_load(path, on_finding, NULL);
    if (config == NULL) return 1;
    int code = 1;
    if (config->admin.text == NULL) {
        (void)fprintf(stderr,
                      "postern: %s has no admin address: add admin: { address: "
                      "127.0.0.1:9883 }, and restart Postern\n",
                      path);
    } else {
        CURLcode done = ask(&config->admin, csv, &status);
        code = done == CURLE_OK && status == HTTP_OK ? 0 : 1;
        if (code != 0)
            (void)fprintf(stderr, "postern: no Postern answers on %s: %s\n", config->admin.text,
                          curl_easy_strerror(done));
    }
    config_free(config);
    return fflush(stdout) == 0 ? code : 1;
}

int inventory_main(int argc, char **argv)
{
    const char *file = NULL;
    bool csv = false;
    int code = OPTIONS_OK;
    const struct option_spec specs[] = {
        {"config", 'c', "FILE", "the configuration (YAML), for its admin address", .text = &file,
         .required = true},
        {"csv",        0,       NULL,     "as CSV in place of JSON",                                            .on = &csv                           },
    };
    const struct options_command command = {
        "inventory",
        "Asks the running Postern, by its admin address, who connects with what: for each client "
        "id the\nlast TLS version, group, cipher, kind of key, certificate expiry, MQTT version "
        "and time seen.",
        specs, ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    return show(file, csv);
}
