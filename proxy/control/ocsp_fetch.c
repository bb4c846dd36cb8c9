// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/ocsp_fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ocsp.h"

enum { TIMEOUT_MS = 10000, HTTP_OK = 200 };

struct body {
    uint8_t *data;
    size_t length;
};

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct body *body = arg;
    size_t length = size * count;
    if (length > OCSP_RESPONSE_MOST - body->length) return 0; /* ends the transfer */
    uint8_t *grown = realloc(body->data, body->length + length + 1);
    if (grown == NULL) return 0;
    memcpy(grown + body->length, data, length);
    body->data = grown;
    body->length += length;
    return length;
}

static int on_progress(void *arg, curl_off_t total_down, curl_off_t down, curl_off_t total_up,
                       curl_off_t up)
{
    const atomic_bool *stop = arg;
    (void)total_down;
    (void)down;
    (void)total_up;
    (void)up;
    return atomic_load(stop);
}

/* The options are ones that every libcurl has; a failure shows in the transfer. */
static void set_options(CURL *curl, const char *url, struct span request,
                        struct curl_slist *headers, const atomic_bool *stop, struct body *body)
{
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, stop);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)request.data);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request.length);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
}

uint8_t *ocsp_fetch(const char *url, struct span request, const atomic_bool *stop, size_t *length,
                    struct err *err)
{
    struct body body = {NULL, 0};
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/ocsp-request");
    CURLcode done = CURLE_OUT_OF_MEMORY;
    if (curl != NULL && headers != NULL) {
        set_options(curl, url, request, headers, stop, &body);
        done = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status); /* 0 stays otherwise */
    }
    if (done != CURLE_OK)
        err_set(err, "%s cannot be asked: %s", url, curl_easy_strerror(done));
    else if (status != HTTP_OK)
        err_set(err, "%s answers with the HTTP status %ld", url, status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    *length = body.length;
    if (done == CURLE_OK && status == HTTP_OK && body.length > 0) return body.data;
    if (done == CURLE_OK && status == HTTP_OK) err_set(err, "%s answers with nothing", url);
    free(body.data);
    return NULL;
}
