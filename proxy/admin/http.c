// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/admin/inventory_view.h"

enum { MOST_CONNECTIONS = 64, TIMEOUT_S = 10, MEMORY_BYTES = 16 * 1024 };

struct admin {
    struct MHD_Daemon *daemon;
    struct admin_sources sources;
};

/* Takes `text`, which is from malloc, or NULL: there was no memory for it. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              char *text, size_t length)
{
    if (text == NULL) return MHD_NO; /* closes the connection */
    struct MHD_Response *response = MHD_create_response_from_buffer(length, text,
                                                                    MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type); /* both known */
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *text)
{
    return answer(connection, status, "text/plain; charset=utf-8", strdup(text), strlen(text));
}

/* -------------------------------------------------------------------------------------- the views
 */

static enum MHD_Result healthz(const struct admin *admin, struct MHD_Connection *connection)
{
    (void)admin;
    return say(connection, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result readyz(const struct admin *admin, struct MHD_Connection *connection)
{
    if (atomic_load(admin->sources.draining))
        return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "draining\n");
    return say(connection, MHD_HTTP_OK, "ready\n");
}

static bool wants_csv(struct MHD_Connection *connection)
{
    const char *format = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "format");
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_ACCEPT);
    if (format != NULL) return strcmp(format, "csv") == 0;
    return accept != NULL && strncmp(accept, "text/csv", 8) == 0;
}

static enum MHD_Result inventory(const struct admin *admin, struct MHD_Connection *connection)
{
    size_t length = 0;
    bool csv = wants_csv(connection);
    char *text = csv ? inventory_view_csv(admin->sources.inventory, &length)
                     : inventory_view_json(admin->sources.inventory, &length);
    return answer(connection, MHD_HTTP_OK, csv ? "text/csv; charset=utf-8" : "application/json",
                  text, length);
}

static const struct {
    const char *path;
    enum MHD_Result (*show)(const struct admin *admin, struct MHD_Connection *connection);
} views[] = {
    {"/healthz",          healthz  },
    {"/readyz",           readyz   },
    {"/api/v1/inventory", inventory},
};

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_length, void **state)
{
    const struct admin *admin = arg;
    static int begun;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are understood\n");
    if (*state == NULL) { /* the headers alone have been read */
        *state = &begun;
        return MHD_YES;
    }
    *upload_length = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(views); i++)
        if (strcmp(url, views[i].path) == 0) return views[i].show(admin, connection);
    return say(connection, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
}

struct admin *admin_start(int fd, const struct admin_sources *sources, struct err *err)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin != NULL) {
        admin->sources = *sources;
        admin->daemon = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, admin,
            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MOST_CONNECTIONS,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)MEMORY_BYTES, MHD_OPTION_END);
    }
    if (admin != NULL && admin->daemon != NULL) return admin;
    (void)close(fd); /* nothing was accepted from it */
    free(admin);
    err_set(err, "the admin address cannot be served: out of memory or descriptors");
    return NULL;
}

void admin_stop(struct admin *admin)
{
    if (admin == NULL) return;
    MHD_stop_daemon(admin->daemon);
    free(admin);
}
