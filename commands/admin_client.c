// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/admin_client.h"

#include <curl/curl.h>
#include <string.h>

#include "commands/findings.h"

enum { TIMEOUT_S = 30, URL_ROOM = 600, HTTP_OK = 200 };

static void on_finding(void *arg, const char *path, struct config_mark mark,
                       enum config_severity severity, const char *text)
{
    (void)arg;
    if (severity == CONFIG_ERROR) print_finding(stderr, path, mark, severity, text);
}

struct config *admin_client_load(const char *path)
{
    struct config *config = config_load(path, on_finding, NULL);
    if (config == NULL || config->admin.text != NULL) return config;
    (void)fprintf(stderr,
                  "postern: %s has no admin address: add admin: { address: 127.0.0.1:9883 }, and "
                  "restart Postern\n",
                  path);
    config_free(config);
    return NULL;
}

/* The options are ones that every libcurl has; a failure shows in the transfer. */
static CURLcode ask(const struct config_address *admin, const char *path, FILE *out, long *status)
{
    char url[URL_ROOM];
    bool v6 = admin->host != NULL && strchr(admin->host, ':') != NULL;
    CURL *curl = curl_easy_init();
    if (curl == NULL) return CURLE_OUT_OF_MEMORY;
    if (admin->unix_path != NULL) {
        (void)snprintf(url, sizeof url, "http://postern%s", path);
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, admin->unix_path);
    } else {
        (void)snprintf(url, sizeof url, "http://%s%s%s:%u%s", v6 ? "[" : "", admin->host,
                       v6 ? "]" : "", admin->port, path);
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    CURLcode done = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status); /* 0 stays otherwise */
    curl_easy_cleanup(curl);
    return done;
}

long admin_client_status(const struct config *config, const char *path, FILE *out)
{
    long status = 0;
    CURLcode done = ask(&config->admin, path, out, &status);
    if (done == CURLE_OK && status != 0) return status;
    (void)fprintf(stderr, "postern: no Postern answers on %s: %s\n", config->admin.text,
                  curl_easy_strerror(done));
    return 0;
}

bool admin_client_ask(const struct config *config, const char *path, FILE *out)
{
    long status = admin_client_status(config, path, out);
    if (status != 0 && status != HTTP_OK)
        (void)fprintf(stderr, "postern: %s answers %s with status %ld\n", config->admin.text, path,
                      status);
    return status == HTTP_OK;
}
