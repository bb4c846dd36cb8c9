// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/client_hello.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

enum { RECORD_HEADER = 5, HANDSHAKE_HEADER = 4, LARGEST_FRAGMENT = 16384, LARGEST_INPUT = 32768 };
enum { RECORD_CHANGE_CIPHER_SPEC = 20, RECORD_HANDSHAKE = 22, RECORD_HEARTBEAT = 24 };
enum { MESSAGE_CLIENT_HELLO = 1 };

enum { TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };

enum extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_SUPPORTED_GROUPS = 10,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_SUPPORTED_VERSIONS = 43
};

/* What a TLS 1.2 client can verify depends on its suites as well as on its algorithms. */
struct offers {
    bool has_versions;
    bool has_algorithms;
    bool ecdsa_suite;
    bool rsa_suite;
    bool ecdsa;
    bool rsa_pkcs1; /* in TLS 1.3 good for certificates only, not for the handshake */
    bool rsa_pss;
};

/* -------------------------------------------------------------------------------------- records */

static bool could_be_record(const uint8_t *data, size_t left)
{
    if (data[0] < RECORD_CHANGE_CIPHER_SPEC || data[0] > RECORD_HEARTBEAT) return false;
    if (left > 1 && data[1] != 3) return false;
    return left < 3 || data[2] <= 4;
}

/* How much handshake data there is in the records so far; copied into `message`, `room` bytes
 * large, when that is not NULL. A header alone counts as nothing. */
static enum client_hello_status read_records(const uint8_t *data, size_t length, uint8_t *message,
                                             size_t room, size_t *got)
{
    *got = 0;
    while (length > 0) {
        if (!could_be_record(data, length)) return CLIENT_HELLO_MALFORMED;
        if (data[0] != RECORD_HANDSHAKE) return CLIENT_HELLO_MALFORMED;
        if (length < RECORD_HEADER) return CLIENT_HELLO_NEED_MORE;
        size_t fragment = (size_t)data[3] << 8 | data[4];
        /* RFC 8446, 5.1: no empty handshake fragments, none over 2^14 */
        if (fragment == 0 || fragment > LARGEST_FRAGMENT) return CLIENT_HELLO_MALFORMED;
        size_t here = length - RECORD_HEADER;
        if (here > fragment) here = fragment;
        size_t taken = here < room - *got ? here : room - *got;
        if (message != NULL) memcpy(message + *got, data + RECORD_HEADER, taken);
        *got += taken;
        if (*got == room || here < fragment) break;
        data += RECORD_HEADER + fragment;
        length -= RECORD_HEADER + fragment;
    }
    return CLIENT_HELLO_OK;
}

/* ----------------------------------------------------------------------------------- extensions */

static bool is_ip_literal(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool keep_name(struct client_hello *out, struct span name)
{
    if (name.length == 0 || name.length >= CLIENT_HELLO_NAME_ROOM) return false;
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.data[i];
        if (c == '\0') return false;
        out->server_name[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    size_t length = name.length;
    out->server_name[length] = '\0';
    if (is_ip_literal(out->server_name)) length = 0; /* RFC 6066, 3: is no name */
    if (length > 1 && out->server_name[length - 1] == '.') length--;
    out->server_name[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (!is_name_byte((uint8_t)out->server_name[i])) return false;
    return true;
}

static bool read_server_name(struct client_hello *out, struct bytes *in)
{
    struct bytes list = bytes_sub(in, bytes_u16(in));
    bool seen = false;
    if (bytes_left(&list) == 0) return false;
    while (bytes_ok(&list) && bytes_left(&list) > 0) {
        uint8_t type = bytes_u8(&list);
        struct span name = bytes_take(&list, bytes_u16(&list));
        if (type != 0) continue;
        if (!bytes_ok(&list) || seen || !keep_name(out, name)) return false;
        seen = true;
    }
    return bytes_ok(&list);
}

static bool read_versions(struct client_hello *out, struct bytes *in)
{
    struct bytes list = bytes_sub(in, bytes_u8(in));
    if (bytes_left(&list) < 2 || bytes_left(&list) % 2 != 0) return false;
    out->offers_tls_1_2 = false;
    while (bytes_left(&list) > 0) {
        uint16_t version = bytes_u16(&list);
        if (version == TLS_1_3) out->offers_tls_1_3 = true;
        if (version == TLS_1_2) out->offers_tls_1_2 = true;
    }
    return true;
}

static bool read_algorithms(struct offers *offers, struct bytes *in)
{
    struct bytes list = bytes_sub(in, bytes_u16(in));
    if (bytes_left(&list) < 2 || bytes_left(&list) % 2 != 0) return false;
    while (bytes_left(&list) > 0) {
        switch (bytes_u16(&list)) {
        case 0x0403: /* ecdsa_secp256r1_sha256 and its sisters */
        case 0x0503:
        case 0x0603:
            offers->ecdsa = true;
            break;
        case 0x0401: /* rsa_pkcs1_sha256 */
        case 0x0501:
        case 0x0601:
            offers->rsa_pkcs1 = true;
            break;
        case 0x0804: /* rsa_pss_rsae_sha256 */
        case 0x0805:
        case 0x0806:
        case 0x0809: /* rsa_pss_pss_sha256 */
        case 0x080a:
        case 0x080b:
            offers->rsa_pss = true;
            break;
        default:
            break;
        }
    }
    return true;
}

uint64_t client_hello_group(unsigned number)
{
    enum { LAST_CURVE = 31, FIRST_HYBRID = 0x11eb, LAST_HYBRID = 0x11ed };
    if (number <= LAST_CURVE) return UINT64_C(1) << number;
    if (number < FIRST_HYBRID || number > LAST_HYBRID) return 0;
    return UINT64_C(1) << (LAST_CURVE + 1 + number - FIRST_HYBRID);
}

static bool read_groups(struct client_hello *out, struct bytes *in)
{
    struct bytes list = bytes_sub(in, bytes_u16(in));
    if (bytes_left(&list) < 2 || bytes_left(&list) % 2 != 0) return false;
    out->offers_groups = true;
    while (bytes_left(&list) > 0)
        out->groups |= client_hello_group(bytes_u16(&list));
    return true;
}

static bool read_alpn(struct client_hello *out, struct bytes *in)
{
    struct bytes list = bytes_sub(in, bytes_u16(in));
    if (bytes_left(&list) == 0) return false;
    while (bytes_ok(&list) && bytes_left(&list) > 0)
        if (bytes_take(&list, bytes_u8(&list)).length == 0) return false;
    out->offers_alpn = true;
    return bytes_ok(&list);
}

static bool read_extension(struct client_hello *out, struct offers *offers, unsigned type,
                           struct bytes *in)
{
    switch ((enum extension)type) {
    case EXTENSION_SERVER_NAME:
        return read_server_name(out, in) && bytes_left(in) == 0;
    case EXTENSION_SUPPORTED_GROUPS:
        return read_groups(out, in) && bytes_left(in) == 0;
    case EXTENSION_SIGNATURE_ALGORITHMS:
        offers->has_algorithms = true;
        return read_algorithms(offers, in) && bytes_left(in) == 0;
    case EXTENSION_ALPN:
        return read_alpn(out, in) && bytes_left(in) == 0;
    case EXTENSION_SUPPORTED_VERSIONS:
        offers->has_versions = true;
        return read_versions(out, in) && bytes_left(in) == 0;
    }
    return true;
}

static bool read_extensions(struct client_hello *out, struct offers *offers, struct bytes *in)
{
    uint64_t seen = 0; /* RFC 8446, 4.2: none twice; those that are read have small numbers */
    if (bytes_left(in) == 0) return true;
    struct bytes list = bytes_sub(in, bytes_u16(in));
    if (!bytes_ok(&list) || bytes_left(in) != 0) return false;
    while (bytes_left(&list) > 0) {
        unsigned type = bytes_u16(&list);
        struct bytes body = bytes_sub(&list, bytes_u16(&list));
        if (!bytes_ok(&body) || !bytes_ok(&list)) return false;
        if (type < 64 && (seen >> type & 1) != 0) return false;
        if (type < 64) seen |= UINT64_C(1) << type;
        if (!read_extension(out, offers, type, &body)) return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------------ the hello */

static void read_suite(struct offers *offers, unsigned suite)
{
    switch (suite) {
    case 0xc009: /* ECDHE_ECDSA with AES-CBC, AES-GCM, AES-CCM, ChaCha20 */
    case 0xc00a:
    case 0xc023:
    case 0xc024:
    case 0xc02b:
    case 0xc02c:
    case 0xc0ac:
    case 0xc0ad:
    case 0xc0ae:
    case 0xc0af:
    case 0xcca9:
        offers->ecdsa_suite = true;
        break;
    case 0xc013: /* ECDHE_RSA with AES-CBC, AES-GCM, ChaCha20 */
    case 0xc014:
    case 0xc027:
    case 0xc028:
    case 0xc02f:
    case 0xc030:
    case 0xcca8:
        offers->rsa_suite = true;
        break;
    default:
        break;
    }
}

static void conclude(struct client_hello *out, const struct offers *offers)
{
    bool silent = !offers->has_algorithms; /* RFC 5246, 7.4.1.4.1: the defaults have both kinds */
    out->verifies_ecdsa = silent || offers->ecdsa;
    out->verifies_rsa = silent || offers->rsa_pss || (offers->rsa_pkcs1 && out->offers_tls_1_2);
    if (out->offers_tls_1_3) return;
    out->verifies_ecdsa = out->verifies_ecdsa && offers->ecdsa_suite;
    out->verifies_rsa = out->verifies_rsa && offers->rsa_suite;
}

static bool read_hello(struct client_hello *out, struct bytes *in)
{
    struct offers offers = {0};
    out->offers_tls_1_2 = bytes_u16(in) >= TLS_1_2;
    bytes_skip(in, 32);
    size_t session_id = bytes_u8(in);
    bytes_skip(in, session_id);
    struct bytes suites = bytes_sub(in, bytes_u16(in));
    size_t compressions = bytes_u8(in);
    bytes_skip(in, compressions);
    if (!bytes_ok(in) || session_id > 32 || compressions == 0) return false;
    if (bytes_left(&suites) < 2 || bytes_left(&suites) % 2 != 0) return false;
    while (bytes_left(&suites) > 0)
        read_suite(&offers, bytes_u16(&suites));
    if (!read_extensions(out, &offers, in)) return false;
    conclude(out, &offers);
    return true;
}

/* A whole message of `length` bytes after its header. */
static enum client_hello_status read_message(struct client_hello *out, const uint8_t *message,
                                             size_t length)
{
    struct bytes in = bytes_of(message + HANDSHAKE_HEADER, length);
    memset(out, 0, sizeof *out);
    return read_hello(out, &in) ? CLIENT_HELLO_OK : CLIENT_HELLO_MALFORMED;
}

enum client_hello_status client_hello_read(struct client_hello *out, const uint8_t *data,
                                           size_t length)
{
    uint8_t message[CLIENT_HELLO_LARGEST];
    size_t got = 0;
    if (length == 0) return CLIENT_HELLO_NEED_MORE;
    if (!could_be_record(data, length)) return CLIENT_HELLO_NOT_TLS;
    enum client_hello_status status = read_records(data, length, message, HANDSHAKE_HEADER, &got);
    if (got > 0 && message[0] != MESSAGE_CLIENT_HELLO) return CLIENT_HELLO_MALFORMED;
    if (got < HANDSHAKE_HEADER) return status == CLIENT_HELLO_OK ? CLIENT_HELLO_NEED_MORE : status;

    size_t whole = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];
    if (whole > CLIENT_HELLO_LARGEST - HANDSHAKE_HEADER) return CLIENT_HELLO_TOO_LARGE;
    status = read_records(data, length, message, HANDSHAKE_HEADER + whole, &got);
    if (got == HANDSHAKE_HEADER + whole) return read_message(out, message, whole);
    if (status == CLIENT_HELLO_MALFORMED) return status;
    /* so many small records that their headers are longer than the message */
    return length >= LARGEST_INPUT ? CLIENT_HELLO_TOO_LARGE : CLIENT_HELLO_NEED_MORE;
}

/* ------------------------------------------------------------------------------ what else it is */

static bool starts(const uint8_t *data, size_t length, const char *text)
{
    size_t wanted = strlen(text);
    if (length < wanted) wanted = length;
    return memcmp(data, text, wanted) == 0;
}

static bool is_connect(const uint8_t *data, size_t length)
{
    if (data[0] != 0x10) return false;
    size_t at = 1;
    while (at < length && at < 4 && (data[at] & 0x80) != 0)
        at++;
    at++;
    if (at >= length) return true;
    return data[at] == 0 && (length - at < 3 || data[at + 2] == 'M');
}

const char *client_hello_looks_like(const uint8_t *data, size_t length)
{
    static const char *const methods[] = {"GET ",     "POST ",  "HEAD ",    "PUT ",   "DELETE ",
                                          "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ", "PRI * "};
    static const char proxy_v2[] = "\r\n\r\n";
    if (length == 0) return "nothing at all";
    if (is_connect(data, length)) return "a plaintext MQTT CONNECT";
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++)
        if (starts(data, length, methods[i])) return "an HTTP request";
    if (starts(data, length, "PROXY ") || starts(data, length, proxy_v2))
        return "a PROXY protocol header, which this listener does not expect";
    if (starts(data, length, "SSH-")) return "an SSH client";
    if (length > 2 && (data[0] & 0x80) != 0 && data[2] == MESSAGE_CLIENT_HELLO)
        return "an SSL 2 hello";
    return "bytes that are not TLS";
}
