// SPDX-License-Identifier: GPL-3.0-or-later
/* The PROXY protocol header in front of what a broker is told, where its backend asks for one. */
#include <string.h>

#include "proxy/proxy_protocol/encode.h"
#include "proxy/session_private.h"

static bool read_destination(const struct endpoint *client, struct proxy_address *out)
{
    struct sockaddr_storage local;
    int length = sizeof local;
    if (client->uv.handle.type != UV_TCP ||
        uv_tcp_getsockname(&client->uv.tcp, (struct sockaddr *)&local, &length) != 0)
        return false;
    if (local.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&local;
        *out = (struct proxy_address){v6->sin6_addr, ntohs(v6->sin6_port)};
        return true;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&local;
    *out = (struct proxy_address){.port = ntohs(v4->sin_port)};
    out->address.s6_addr[10] = out->address.s6_addr[11] = 0xff;
    memcpy(out->address.s6_addr + 12, &v4->sin_addr, sizeof v4->sin_addr);
    return local.ss_family == AF_INET;
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
                         read_destination(session->relay.client, &header.route.destination);
    proxy_header_encode(&out, &header);
    return relay_set_preface(&session->relay, (struct span){out.data, out.length});
}
