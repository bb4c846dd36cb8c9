// SPDX-License-Identifier: GPL-3.0-or-later
/* The PROXY protocol header: the one that a proxy in front puts before TLS, and the one in front of
 * what a broker is told, where its backend asks for one. */
#include <stdlib.h>
#include <string.h>

#include "proxy/client_hello.h"
#include "proxy/proxy_protocol/decode.h"
#include "proxy/proxy_protocol/encode.h"
#include "proxy/session_private.h"

/* ----------------------------------------------------------------------------- from a proxy */

static const char *sentence_of(enum proxy_status status, const uint8_t *data, size_t length)
{
    if (status == PROXY_TOO_LARGE) return "the PROXY protocol header is larger than 4112 bytes";
    if (status == PROXY_MALFORMED) return "the PROXY protocol header is malformed";
    if (data[0] == 0x16) /* a TLS handshake record */
        return "the proxy began with TLS and no PROXY protocol header: let it send one "
               "(send-proxy-v2 in HAProxy, proxy_protocol on in nginx), or turn proxy_protocol "
               "off here";
    return client_hello_looks_like(data, length);
}

static enum alive refuse_header(struct session *session, enum proxy_status status, size_t length)
{
    const char *reason = status == PROXY_NOT_THERE ? "proxy_header_missing" : "bad_proxy_header";
    return session_fail_handshake(session, reason,
                                  sentence_of(status, session->loop->ciphertext, length));
}

/* Where the proxy does not say who it is, as with its own health checks, the connection is the
 * proxy's, which nothing is counted for. */
static enum alive believe(struct session *session, const struct proxy_route *route)
{
    if (!route->known) return ALIVE;
    session->route = malloc(sizeof *session->route);
    if (session->route == NULL) return session_end(session, "out_of_memory");
    *session->route = *route;
    session->record.source = (struct access_source){.address = route->source.address,
                                                    .port = route->source.port};
    return session_enter_source(session);
}

enum alive session_read_proxy_header(struct session *session, size_t length)
{
    struct proxy_route route;
    size_t taken = 0;
    uint8_t *data = session->loop->ciphertext;
    enum proxy_status status = proxy_header_decode(&route, data, length, &taken);
    if (status == PROXY_NEED_MORE)
        return session_hold(session, data, length) ? ALIVE : session_end(session, "out_of_memory");
    if (status != PROXY_OK) return refuse_header(session, status, length);
    if (believe(session, &route) == GONE) return GONE;
    session_enter(session, AWAIT_CLIENT_HELLO);
    memmove(data, data + taken, length - taken);
    return length == taken ? ALIVE : session_read_client_hello(session, length - taken);
}

/* -------------------------------------------------------------------------------- to a broker */

static bool read_destination(const struct session *session, struct proxy_address *out)
{
    const struct endpoint *client = session->relay.client;
    struct sockaddr_storage local;
    int length = sizeof local;
    if (session->route != NULL) {
        *out = session->route->destination;
        return true;
    }
    return client->uv.handle.type == UV_TCP &&
           uv_tcp_getsockname(&client->uv.tcp, (struct sockaddr *)&local, &length) == 0 &&
           proxy_address_of(out, (const struct sockaddr *)&local);
}

bool session_introduce(struct session *session)
{
    char alpn[256];
    uint8_t room[PROXY_HEADER_LARGEST];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    const struct config_backend *backend = session->pool->config;
    const struct access_record *record = &session->record;
    if (backend->proxy_protocol == CONFIG_PROXY_OFF) return true;
    struct proxy_header header = {
        .version = backend->proxy_protocol,
        .profile = backend->profile,
        .route.source = {record->source.address, record->source.port},
        .tls_version = record->tls.version,
        .cipher = record->tls.cipher,
        .alpn = tls_stream_alpn(session->relay.tls, alpn),
        .server_name = record->server_name,
        .key_algorithm = record->tls.key_algorithm,
        .signature_algorithm = record->tls.signature_algorithm,
        .certificate = record->certificate,
        .resumed = record->tls.resumed,
    };
    header.route.known = !record->source.is_unix &&
                         read_destination(session, &header.route.destination);
    proxy_header_encode(&out, &header);
    return relay_set_preface(&session->relay, (struct span){out.data, out.length});
}
