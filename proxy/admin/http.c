// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/http.h"

#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/address.h"
#include "proxy/admin/callers.h"
#include "proxy/admin/host.h"
#include "proxy/admin/inventory_view.h"
#include "proxy/admin/metrics.h"
#include "proxy/admin/page.h"
#include "proxy/admin/readiness.h"
#include "proxy/admin/views.h"

/* Few threads, since each keeps what malloc once gave it; more than one, since some may have to
 * wait for a worker. */
enum { THREADS = 3, TIMEOUT_S = 10, MEMORY_BYTES = 16 * 1024 };
enum { SESSIONS_USUAL = 100, SESSIONS_MOST = 1000 };

struct admin {
    struct MHD_Daemon *daemon;
    struct board *board;
    struct callers callers;
    bool is_unix;  /* which no browser reaches */
    bool is_local; /* a browser on this machine does */
};

/* Takes `text`, which is from malloc, or NULL: there was no memory for it. */
static enum MHD_Result answer_under(const char *content_security, struct MHD_Connection *connection,
                                    unsigned status, const char *type, char *text, size_t length)
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
    (void)MHD_add_response_header(response, "Content-Security-Policy", content_security);
    (void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    (void)MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              char *text, size_t length)
{
    return answer_under("default-src 'none'; frame-ancestors 'none'", connection, status, type,
                        text, length);
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
    char text[128];
    const char *problem = readiness_problem(admin->board);
    (void)snprintf(text, sizeof text, "%s\n", problem == NULL ? "ready" : problem);
    return say(connection, problem == NULL ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static bool wants_csv(struct MHD_Connection *connection)
{
    const char *format = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "format");
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_ACCEPT);
    if (format != NULL) return strcmp(format, "csv") == 0;
    return accept != NULL && strncmp(accept, "text/csv", 8) == 0;
}

/* Nothing but what the page itself holds is executed, shown or loaded. */
static enum MHD_Result page(const struct admin *admin, struct MHD_Connection *connection)
{
    char nonce[PAGE_NONCE_ROOM];
    char policy[256];
    size_t length = 0;
    char *text = page_make(nonce, &length);
    (void)admin;
    if (text == NULL) return MHD_NO;
    (void)snprintf(policy, sizeof policy,
                   "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src "
                   "'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors "
                   "'none'",
                   nonce, nonce);
    return answer_under(policy, connection, MHD_HTTP_OK, "text/html; charset=utf-8", text, length);
}

static enum MHD_Result metrics(const struct admin *admin, struct MHD_Connection *connection)
{
    size_t length = 0;
    char *text = metrics_text(admin->board, &length);
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text,
                  length);
}

static enum MHD_Result json(struct MHD_Connection *connection, const struct admin *admin,
                            char *(*view)(struct board *board, size_t *length))
{
    size_t length = 0;
    char *text = view(admin->board, &length);
    return answer(connection, MHD_HTTP_OK, "application/json", text, length);
}

static enum MHD_Result status(const struct admin *admin, struct MHD_Connection *connection)
{
    return json(connection, admin, status_view);
}

static enum MHD_Result certificates(const struct admin *admin, struct MHD_Connection *connection)
{
    return json(connection, admin, certificates_view);
}

static enum MHD_Result backends(const struct admin *admin, struct MHD_Connection *connection)
{
    return json(connection, admin, backends_view);
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

/* False: there is one that is no number up to `most`. */
static bool number(struct MHD_Connection *connection, const char *name, size_t most, size_t *value)
{
    const char *text = argument(connection, name);
    char *end = NULL;
    if (text == NULL) return true;
    if (text[0] < '0' || text[0] > '9') return false;
    unsigned long long read = strtoull(text, &end, 10); /* too large a one is over `most` */
    *value = (size_t)read;
    return *end == '\0' && read <= most;
}

static enum MHD_Result inventory(const struct admin *admin, struct MHD_Connection *connection)
{
    size_t length = 0;
    bool csv = wants_csv(connection);
    struct inventory *kept = admin->board->sources.inventory;
    struct inventory_filter filter = {.words = argument(connection, "filter"), .most = SIZE_MAX};
    if (!number(connection, "limit", SIZE_MAX / 2, &filter.most))
        return say(connection, MHD_HTTP_BAD_REQUEST, "limit is a number\n");
    char *text = csv ? inventory_view_csv(kept, &filter, &length)
                     : inventory_view_json(kept, &filter, &length);
    return answer(connection, MHD_HTTP_OK, csv ? "text/csv; charset=utf-8" : "application/json",
                  text, length);
}

static enum MHD_Result sessions(const struct admin *admin, struct MHD_Connection *connection)
{
    size_t length = 0;
    struct session_query query = {.filter = argument(connection, "filter"),
                                  .listener = argument(connection, "listener"),
                                  .most = SESSIONS_USUAL};
    if (!number(connection, "limit", SESSIONS_MOST, &query.most) ||
        !number(connection, "offset", SIZE_MAX / 2, &query.skip))
        return say(connection, MHD_HTTP_BAD_REQUEST,
                   "limit is a number up to 1000, and offset a number\n");
    char *text = sessions_view(admin->board, &query, &length);
    return answer(connection, MHD_HTTP_OK, "application/json", text, length);
}

static enum MHD_Result history(const struct admin *admin, struct MHD_Connection *connection)
{
    size_t length = 0;
    size_t after = 0;
    if (!number(connection, "after", SIZE_MAX / 2, &after))
        return say(connection, MHD_HTTP_BAD_REQUEST, "after is a number\n");
    char *text = history_view(admin->board, after, &length);
    return answer(connection, MHD_HTTP_OK, "application/json", text, length);
}

static const struct view {
    const char *path;
    enum MHD_Result (*show)(const struct admin *admin, struct MHD_Connection *connection);
    bool is_public; /* tells so little that probes may ask by any name */
} views[] = {
    {"/",                    page,         false},
    {"/healthz",             healthz,      true },
    {"/readyz",              readyz,       true },
    {"/metrics",             metrics,      false},
    {"/api/v1/status",       status,       false},
    {"/api/v1/sessions",     sessions,     false},
    {"/api/v1/certificates", certificates, false},
    {"/api/v1/backends",     backends,     false},
    {"/api/v1/inventory",    inventory,    false},
    {"/api/v1/history",      history,      false},
};

static bool is_known_by_that_name(const struct admin *admin, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                   MHD_HTTP_HEADER_HOST);
    if (admin->is_unix) return true;
    struct snapshot *snapshot = board_snapshot(admin->board);
    const struct config *config = snapshot->config;
    bool matters = admin->is_local || config->admin_names.count > 0;
    bool known = !matters || host_is_known(config, host);
    snapshot_unref(snapshot);
    return known;
}

static enum MHD_Result show(const struct admin *admin, struct MHD_Connection *connection,
                            const struct view *view)
{
    if (view->is_public || is_known_by_that_name(admin, connection))
        return view->show(admin, connection);
    return say(connection, MHD_HTTP_MISDIRECTED_REQUEST,
               "this is not known by the host name of the request: ask by its IP address or "
               "localhost, or add the name to admin.names of the configuration\n");
}

static struct caller *caller_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void on_caller(void *arg, struct MHD_Connection *connection, void **place,
                      enum MHD_ConnectionNotificationCode what)
{
    struct admin *admin = arg;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED)
        callers_gone(&admin->callers, *place);
    else if (info != NULL)
        *place = callers_came(&admin->callers, info->connect_fd);
}

static void on_answered(void *arg, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode how)
{
    struct admin *admin = arg;
    (void)state;
    (void)how;
    callers_turn(&admin->callers, caller_of(connection), false);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_length, void **state)
{
    struct admin *admin = arg;
    static int begun;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are understood\n");
    if (*state == NULL) callers_turn(&admin->callers, caller_of(connection), true);
    if (*state == NULL) { /* the headers alone have been read */
        *state = &begun;
        return MHD_YES;
    }
    *upload_length = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(views); i++)
        if (strcmp(url, views[i].path) == 0) return show(admin, connection, &views[i]);
    return say(connection, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
}

static void note_address(struct admin *admin)
{
    struct snapshot *snapshot = board_snapshot(admin->board);
    const struct config_address *address = &snapshot->config->admin;
    admin->is_unix = address->unix_path != NULL;
    admin->is_local = !admin->is_unix && address_reach(address) == ADDRESS_LOCAL;
    snapshot_unref(snapshot);
}

struct admin *admin_start(int fd, struct board *board, struct err *err)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin != NULL) {
        admin->board = board;
        callers_init(&admin->callers);
        note_address(admin);
        admin->daemon = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, admin,
            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CALLERS_MOST, MHD_OPTION_NOTIFY_CONNECTION,
            on_caller, admin, MHD_OPTION_NOTIFY_COMPLETED, on_answered, admin,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)MEMORY_BYTES, MHD_OPTION_END);
    }
    if (admin != NULL && admin->daemon != NULL) return admin;
    (void)close(fd); /* nothing was accepted from it */
    if (admin != NULL) callers_clear(&admin->callers);
    free(admin);
    err_set(err, "the admin address cannot be served: out of memory or descriptors");
    return NULL;
}

void admin_quiesce(struct admin *admin)
{
    MHD_socket fd = MHD_quiesce_daemon(admin->daemon);
    if (fd != MHD_INVALID_SOCKET) (void)close(fd); /* somebody else accepts from it */
}

void admin_stop(struct admin *admin)
{
    if (admin == NULL) return;
    MHD_stop_daemon(admin->daemon);
    callers_clear(&admin->callers);
    free(admin);
}
