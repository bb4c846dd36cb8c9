// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/proxy_protocol/encode.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum {
    VERSION_PROXY = 0x21, /* version 2, command PROXY */
    FAMILY_UNSPECIFIED = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    FIXED_BYTES = 16
};

/* Types of TLVs (2.2), and those inside PP2_TYPE_SSL (2.2.6). */
enum {
    TYPE_ALPN = 0x01,
    TYPE_AUTHORITY = 0x02,
    TYPE_SSL = 0x20,
    SSL_VERSION = 0x21,
    SSL_COMMON_NAME = 0x22,
    SSL_CIPHER = 0x23,
    SSL_SIGNATURE_ALGORITHM = 0x24,
    SSL_KEY_ALGORITHM = 0x25
};
enum { CLIENT_SSL = 1, CLIENT_CERT_CONN = 2, CLIENT_CERT_SESS = 4 };

/* What a broker reads, and how much behind the fixed 16 bytes it takes. */
struct profile {
    size_t most;
    bool algorithms;
    bool names; /* the server name and ALPN */
};

static const struct profile profiles[] = {
    [CONFIG_BACKEND_GENERIC] = {PROXY_HEADER_LARGEST - FIXED_BYTES, true,  true },
    [CONFIG_BACKEND_MOSQUITTO] = {500,                                false, false},
    [CONFIG_BACKEND_EMQX] = {PROXY_HEADER_LARGEST - FIXED_BYTES, false, true },
    [CONFIG_BACKEND_VERNEMQ] = {500,                                false, false},
    [CONFIG_BACKEND_RABBITMQ] = {500,                                false, true },
};

static bool both_ipv4(const struct proxy_route *route)
{
    return IN6_IS_ADDR_V4MAPPED(&route->source.address) &&
           IN6_IS_ADDR_V4MAPPED(&route->destination.address);
}

/* -------------------------------------------------------------------------------------- version 1
 */

static void put_address(char out[INET6_ADDRSTRLEN], const struct in6_addr *address, bool ipv4)
{
    const void *from = ipv4 ? (const void *)&address->s6_addr[12] : address;
    if (inet_ntop(ipv4 ? AF_INET : AF_INET6, from, out, INET6_ADDRSTRLEN) == NULL) out[0] = '\0';
}

static void encode_v1(struct bytes_writer *out, const struct proxy_route *route)
{
    char line[108]; /* the specification's 107 bytes, and a NUL */
    char source[INET6_ADDRSTRLEN];
    char destination[INET6_ADDRSTRLEN];
    bool ipv4 = both_ipv4(route);
    int length = snprintf(line, sizeof line, "PROXY UNKNOWN\r\n");
    if (route->known) {
        put_address(source, &route->source.address, ipv4);
        put_address(destination, &route->destination.address, ipv4);
        length = snprintf(line, sizeof line, "PROXY %s %s %s %u %u\r\n", ipv4 ? "TCP4" : "TCP6",
                          source, destination, route->source.port, route->destination.port);
    }
    bytes_put(out, line, (size_t)length);
}

/* -------------------------------------------------------------------------------------- version 2
 */

static bool is_clean(const char *text)
{
    struct span span = span_of(text);
    for (size_t i = 0; i < span.length; i++)
        if (span.data[i] < 0x20 || span.data[i] == 0x7f ||
            (span.data[i] == 0xc2 && i + 1 < span.length && span.data[i + 1] < 0xa0))
            return false; /* C0, DEL, C1 */
    return span.length > 0 && text_is_utf8(span);
}

static void put_tlv(struct bytes_writer *out, uint8_t type, const char *text, size_t room)
{
    if (text == NULL || !is_clean(text)) return;
    size_t length = strlen(text);
    if (out->length + 3 + length > room) return;
    bytes_put_u8(out, type);
    bytes_put_u16(out, (uint16_t)length);
    bytes_put(out, text, length);
}

static uint8_t client_flags(const struct proxy_header *header)
{
    if (header->certificate == NULL) return CLIENT_SSL;
    return (uint8_t)(CLIENT_SSL | CLIENT_CERT_SESS | (header->resumed ? 0 : CLIENT_CERT_CONN));
}

/* `room` is where the header may end at most. */
static void put_tls(struct bytes_writer *out, const struct proxy_header *header,
                    const struct profile *profile, size_t room)
{
    const struct identity_certificate *certificate = header->certificate;
    size_t begun = out->length;
    bytes_put_u8(out, TYPE_SSL);
    bytes_put_u16(out, 0); /* filled in below */
    bytes_put_u8(out, client_flags(header));
    bytes_put_u32(out, certificate == NULL); /* 0: there was one, and it was verified */
    put_tlv(out, SSL_VERSION, header->tls_version == IDENTITY_TLS_1_3 ? "TLSv1.3" : "TLSv1.2",
            room);
    if (certificate != NULL) put_tlv(out, SSL_COMMON_NAME, certificate->common_name, room);
    put_tlv(out, SSL_CIPHER, header->cipher, room);
    if (profile->algorithms) {
        put_tlv(out, SSL_KEY_ALGORITHM, header->key_algorithm, room);
        put_tlv(out, SSL_SIGNATURE_ALGORITHM, header->signature_algorithm, room);
    }
    size_t length = out->length - begun - 3;
    out->data[begun + 1] = (uint8_t)(length >> 8);
    out->data[begun + 2] = (uint8_t)length;
}

static void put_route(struct bytes_writer *out, const struct proxy_route *route)
{
    bool ipv4 = both_ipv4(route);
    size_t skip = ipv4 ? 12 : 0;
    if (!route->known) return;
    bytes_put(out, route->source.address.s6_addr + skip, 16 - skip);
    bytes_put(out, route->destination.address.s6_addr + skip, 16 - skip);
    bytes_put_u16(out, route->source.port);
    bytes_put_u16(out, route->destination.port);
}

static void encode_v2(struct bytes_writer *out, const struct proxy_header *header)
{
    static const uint8_t signature[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                        0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
    const struct profile *profile = &profiles[header->profile];
    size_t begun = out->length;
    size_t room = begun + FIXED_BYTES + profile->most;
    uint8_t family = !header->route.known        ? FAMILY_UNSPECIFIED
                     : both_ipv4(&header->route) ? FAMILY_TCP4
                                                 : FAMILY_TCP6;
    bytes_put(out, signature, sizeof signature);
    bytes_put_u8(out, VERSION_PROXY);
    bytes_put_u8(out, family);
    bytes_put_u16(out, 0); /* filled in below */
    put_route(out, &header->route);
    put_tls(out, header, profile, room);
    if (profile->names) {
        put_tlv(out, TYPE_AUTHORITY, header->server_name, room);
        put_tlv(out, TYPE_ALPN, header->alpn, room);
    }
    size_t length = out->length - begun - FIXED_BYTES;
    out->data[begun + 14] = (uint8_t)(length >> 8);
    out->data[begun + 15] = (uint8_t)length;
}

void proxy_header_encode(struct bytes_writer *out, const struct proxy_header *header)
{
    assert(out->room - out->length >= PROXY_HEADER_LARGEST);
    if (header->version == CONFIG_PROXY_V1)
        encode_v1(out, &header->route);
    else
        encode_v2(out, header);
}
