// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mqtt/connack.h"
#include "mqtt/connect.h"
#include "mqtt/disconnect.h"
#include "mqtt/frame.h"
#include "proxy/backend/source.h"
#include "proxy/endpoint.h"
#include "proxy/proxy_protocol/encode.h"

enum { ANSWER_ROOM = 256, KEEP_ALIVE_S = 30, CONNECT_ROOM = 128, UNAVAILABLE = 3 };

struct probe {
    uv_loop_t *loop;
    struct pool *pool;
    int server;
    probe_done_fn *done; /* NULL: cancelled, and the request's callback frees */
    void *owner;
    struct endpoint *endpoint;
    struct server_addresses *found; /* of a name; or NULL */
    size_t next;
    bool connecting; /* libuv holds the request */
    bool over;
    uv_connect_t request;
    size_t answered;
    uint8_t answer[ANSWER_ROOM];
};

static void free_probe(struct probe *probe)
{
    server_addresses_unref(probe->found);
    free(probe);
}

/* Frees now or, while libuv holds the request, from its callback. */
static void end(struct probe *probe)
{
    endpoint_close(&probe->endpoint);
    probe->done = NULL;
    probe->over = true;
    if (!probe->connecting) free_probe(probe);
}

static void conclude(struct probe *probe, enum probe_result result, const char *why)
{
    probe_done_fn *done = probe->done;
    void *owner = probe->owner;
    end(probe);
    done(owner, result, why);
}

/* NULL: the server is there. */
static void finish(struct probe *probe, const char *why)
{
    conclude(probe, why == NULL ? PROBE_GOOD : PROBE_BAD, why);
}

void probe_cancel(struct probe *probe)
{
    end(probe);
}

void probe_expire(struct probe *probe)
{
    finish(probe, probe->connecting ? "no connection within the check's timeout"
                                    : "it accepts connections, but answers no CONNECT within the "
                                      "check's timeout");
}

/* ------------------------------------------------------------------------------------------- MQTT
 */

/* A broker that does not know us, and says so, is there. */
static void judge(struct probe *probe, size_t length)
{
    char why[80];
    uint8_t room[8];
    struct mqtt_connack connack;
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    if (mqtt_connack_decode(&connack, MQTT_3_1_1, probe->answer, length) != MQTT_OK) {
        finish(probe, "its CONNACK cannot be read");
        return;
    }
    mqtt_disconnect_encode(&out, MQTT_3_1_1, &(struct mqtt_disconnect){.reason = 0});
    if (connack.code == 0 &&
        !endpoint_write(probe->endpoint, (struct span){out.data, out.length})) {
        finish(probe, "it closed the connection behind its CONNACK");
        return;
    }
    (void)snprintf(why, sizeof why, "its CONNACK says that it is unavailable (return code %u)",
                   connack.code);
    finish(probe, connack.code == UNAVAILABLE ? why : NULL);
}

static uv_buf_t lend(void *owner)
{
    struct probe *probe = owner;
    return uv_buf_init((char *)probe->answer + probe->answered,
                       (unsigned)(sizeof probe->answer - probe->answered));
}

static void on_data(void *owner, size_t length)
{
    struct probe *probe = owner;
    struct mqtt_frame frame;
    probe->answered += length;
    enum mqtt_status status = mqtt_frame_decode(&frame, probe->answer, probe->answered);
    if (status == MQTT_NEED_MORE) return;
    size_t whole = status == MQTT_OK ? frame.header_length + frame.remaining_length : 0;
    if (status != MQTT_OK || frame.type != MQTT_CONNACK || whole >= sizeof probe->answer)
        finish(probe, "it answers a CONNECT with something that is no CONNACK");
    else if (probe->answered >= whole)
        judge(probe, whole);
}

static void on_end(void *owner)
{
    finish(owner, "it closes the connection without a CONNACK");
}

static void on_failure(void *owner, int error)
{
    finish(owner, uv_strerror(error));
}

static void on_drained(void *owner)
{
    (void)owner;
}

/* A client of this machine, and not LOCAL: several brokers close that silently. */
static void put_proxy_header(const struct probe *probe, struct bytes_writer *out)
{
    struct sockaddr_storage ours;
    struct sockaddr_storage theirs;
    int length = sizeof ours;
    const uv_tcp_t *tcp = &probe->endpoint->uv.tcp;
    const struct config_backend *config = probe->pool->config;
    struct proxy_header header = {.version = config->proxy_protocol,
                                  .profile = config->profile,
                                  .tls_version = IDENTITY_TLS_1_3};
    if (config->proxy_protocol == CONFIG_PROXY_OFF) return;
    if (probe->endpoint->uv.handle.type == UV_TCP &&
        uv_tcp_getsockname(tcp, (struct sockaddr *)&ours, &length) == 0) {
        length = sizeof theirs;
        header.route.known = uv_tcp_getpeername(tcp, (struct sockaddr *)&theirs, &length) == 0 &&
                             proxy_address_of(&header.route.source, (struct sockaddr *)&ours) &&
                             proxy_address_of(&header.route.destination,
                                              (struct sockaddr *)&theirs);
    }
    proxy_header_encode(out, &header);
}

static void ask(struct probe *probe)
{
    char client_id[PROBE_CLIENT_ID_BYTES + 1];
    uint8_t room[PROXY_HEADER_LARGEST + CONNECT_ROOM];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    uint32_t number = 0;
    (void)uv_random(NULL, NULL, &number, sizeof number, 0, NULL); /* 0 will do as well */
    (void)snprintf(client_id, sizeof client_id, "postern-check-%08x", number);
    put_proxy_header(probe, &out);
    mqtt_connect_encode(&out, &(struct mqtt_connect){.version = MQTT_3_1_1,
                                                     .clean_start = true,
                                                     .keep_alive_s = KEEP_ALIVE_S,
                                                     .client_id = span_of(client_id)});
    if (endpoint_write(probe->endpoint, (struct span){out.data, out.length}))
        endpoint_resume(probe->endpoint);
    else
        finish(probe, "it closes the connection without a CONNACK");
}

/* ------------------------------------------------------------------------------------- connecting
 */

/* Each of these gives whether the check goes on; otherwise it is over and freed. */

static bool fail(struct probe *probe, const char *why)
{
    finish(probe, why);
    return false;
}

static bool try_address(struct probe *probe, const struct sockaddr *address);

/* A server is there while one address of its name is. */
static bool fail_address(struct probe *probe, int status)
{
    endpoint_close(&probe->endpoint);
    if (probe->found != NULL && probe->next < probe->found->count)
        return try_address(probe, (const struct sockaddr *)&probe->found->items[probe->next++]);
    conclude(probe, source_is_to_blame(status) ? PROBE_IMPOSSIBLE : PROBE_BAD, uv_strerror(status));
    return false;
}

static void on_connected(uv_connect_t *request, int status)
{
    struct probe *probe = CONTAINER_OF(request, struct probe, request);
    probe->connecting = false;
    if (probe->over)
        free_probe(probe);
    else if (status != 0)
        (void)fail_address(probe, status); /* nothing follows here */
    else if (probe->pool->config->health.type == CONFIG_CHECK_MQTT)
        ask(probe);
    else
        finish(probe, NULL);
}

static bool make_endpoint(struct probe *probe, bool is_unix)
{
    static const struct endpoint_events events = {lend, on_data, on_end, on_failure, on_drained};
    probe->endpoint = endpoint_new(probe->loop, is_unix, &events, probe);
    return probe->endpoint != NULL;
}

static int connect_to(struct probe *probe, const struct sockaddr *address)
{
    if (!make_endpoint(probe, false)) return UV_ENOMEM;
    uv_tcp_t *tcp = &probe->endpoint->uv.tcp;
    if (probe->pool->config->source_addresses.count > 0) {
        int fd = source_socket(probe->pool->config, pool_next_source(probe->pool), address);
        int failed = fd < 0 ? fd : uv_tcp_open(tcp, fd);
        if (fd >= 0 && failed != 0) (void)close(fd); /* nothing was sent on it */
        if (failed != 0) return failed;
    }
    return uv_tcp_connect(&probe->request, tcp, address, on_connected);
}

static bool try_address(struct probe *probe, const struct sockaddr *address)
{
    int failed = connect_to(probe, address);
    if (failed != 0) return fail_address(probe, failed);
    probe->connecting = true;
    return true;
}

static bool try_unix(struct probe *probe, const char *path)
{
    if (!make_endpoint(probe, true)) return fail_address(probe, UV_ENOMEM);
    uv_pipe_connect(&probe->request, &probe->endpoint->uv.pipe, path, on_connected);
    probe->connecting = true;
    return true;
}

static bool try_name(struct probe *probe, struct server_state *state)
{
    char why[SERVER_WORDS];
    probe->found = server_state_addresses(state, why);
    if (probe->found != NULL)
        return try_address(probe, (const struct sockaddr *)&probe->found->items[probe->next++]);
    if (why[0] != '\0') return fail(probe, why);
    conclude(probe, PROBE_IMPOSSIBLE, "its name has not been resolved yet");
    return false;
}

static bool try_server(struct probe *probe)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    const struct pool_server *server = &probe->pool->servers[probe->server];
    const struct config_address *where = &server->config->address;
    if (where->unix_path != NULL) return try_unix(probe, where->unix_path);
    if (uv_ip4_addr(where->host, where->port, &v4) == 0)
        return try_address(probe, (const struct sockaddr *)&v4);
    if (uv_ip6_addr(where->host, where->port, &v6) == 0)
        return try_address(probe, (const struct sockaddr *)&v6);
    return try_name(probe, server->state);
}

struct probe *probe_start(uv_loop_t *loop, struct pool *pool, int server, probe_done_fn *done,
                          void *owner)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL) {
        done(owner, PROBE_IMPOSSIBLE, uv_strerror(UV_ENOMEM));
        return NULL;
    }
    probe->loop = loop;
    probe->pool = pool;
    probe->server = server;
    probe->done = done;
    probe->owner = owner;
    return try_server(probe) ? probe : NULL;
}
