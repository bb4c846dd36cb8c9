// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/proxy_protocol/decode.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { LONGEST_LINE = 107, FIXED_BYTES = 16, TCP4_BYTES = 12, TCP6_BYTES = 36 };

static const uint8_t signature[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                    0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static bool begins_like(const uint8_t *data, size_t length, const void *wanted, size_t size)
{
    return memcmp(data, wanted, length < size ? length : size) == 0;
}

/* -------------------------------------------------------------------------------------- version 1
 */

/* The next word; words are parted by one space. */
static char *next_word(char **line)
{
    char *word = *line;
    if (word == NULL) return NULL;
    char *space = strchr(word, ' ');
    if (space != NULL) *space = '\0';
    *line = space == NULL ? NULL : space + 1;
    return *word == '\0' ? NULL : word;
}

static bool read_address(const char *word, bool ipv4, struct in6_addr *out)
{
    if (word == NULL) return false;
    if (!ipv4) return inet_pton(AF_INET6, word, out) == 1;
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    return inet_pton(AF_INET, word, out->s6_addr + 12) == 1;
}

/* Decimal, without a sign or leading zeros (2.1). */
static bool read_port(const char *word, uint16_t *out)
{
    unsigned long port = 0;
    if (word == NULL || strlen(word) > 5 || (word[0] == '0' && word[1] != '\0')) return false;
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9') return false;
        port = port * 10 + (unsigned long)(*word - '0');
    }
    *out = (uint16_t)port;
    return port <= UINT16_MAX;
}

static enum proxy_status read_line(struct proxy_route *out, char *line)
{
    const char *family = next_word(&line);
    if (family == NULL) return PROXY_MALFORMED;
    if (strcmp(family, "UNKNOWN") == 0) return PROXY_OK;
    bool ipv4 = strcmp(family, "TCP4") == 0;
    if (!ipv4 && strcmp(family, "TCP6") != 0) return PROXY_MALFORMED;
    out->known = read_address(next_word(&line), ipv4, &out->source.address) &&
                 read_address(next_word(&line), ipv4, &out->destination.address) &&
                 read_port(next_word(&line), &out->source.port) &&
                 read_port(next_word(&line), &out->destination.port) && line == NULL;
    return out->known ? PROXY_OK : PROXY_MALFORMED;
}

static enum proxy_status decode_v1(struct proxy_route *out, const uint8_t *data, size_t length,
                                   size_t *taken)
{
    char line[LONGEST_LINE + 1];
    size_t there = length < LONGEST_LINE ? length : LONGEST_LINE;
    const uint8_t *end = memchr(data, '\n', there);
    if (end == NULL) return length < LONGEST_LINE ? PROXY_NEED_MORE : PROXY_MALFORMED;
    size_t size = (size_t)(end - data) + 1;
    if (size < 8 || end[-1] != '\r' || memchr(data, 0, size) != NULL) return PROXY_MALFORMED;
    memcpy(line, data + 6, size - 8); /* without "PROXY " and the end of the line */
    line[size - 8] = '\0';
    *taken = size;
    return read_line(out, line);
}

/* -------------------------------------------------------------------------------------- version 2
 */

static void take_address(struct bytes *in, bool ipv4, struct in6_addr *out)
{
    struct span raw = bytes_take(in, ipv4 ? 4 : 16);
    memset(out, 0, sizeof *out);
    if (ipv4) out->s6_addr[10] = out->s6_addr[11] = 0xff;
    if (raw.length > 0) memcpy(out->s6_addr + (ipv4 ? 12 : 0), raw.data, raw.length);
}

static void take_route(struct proxy_route *out, struct bytes *in, bool ipv4)
{
    take_address(in, ipv4, &out->source.address);
    take_address(in, ipv4, &out->destination.address);
    out->source.port = bytes_u16(in);
    out->destination.port = bytes_u16(in);
    out->known = bytes_ok(in);
}

static bool walk_tlvs(struct bytes *in)
{
    while (bytes_ok(in) && bytes_left(in) > 0) {
        (void)bytes_u8(in);
        bytes_skip(in, bytes_u16(in));
    }
    return bytes_ok(in);
}

static enum proxy_status read_v2(struct proxy_route *out, uint8_t command, uint8_t family,
                                 struct bytes body)
{
    if (command == 0) return PROXY_OK; /* LOCAL: whatever it says is not looked at */
    if (command != 1 || (family & 0x0f) > 2 || family >> 4 > 3) return PROXY_MALFORMED;
    size_t addresses = family >> 4 == 1 ? TCP4_BYTES : family >> 4 == 2 ? TCP6_BYTES : 0;
    if (family >> 4 == 3) addresses = 216; /* AF_UNIX */
    if (bytes_left(&body) < addresses) return PROXY_MALFORMED;
    if (family == 0x11 || family == 0x21)
        take_route(out, &body, family == 0x11);
    else
        bytes_skip(&body, addresses);
    if (walk_tlvs(&body)) return PROXY_OK;
    out->known = false;
    return PROXY_MALFORMED;
}

static enum proxy_status decode_v2(struct proxy_route *out, const uint8_t *data, size_t length,
                                   size_t *taken)
{
    if (length < FIXED_BYTES) return PROXY_NEED_MORE;
    size_t size = (size_t)data[14] << 8 | data[15];
    if (data[12] >> 4 != 2) return PROXY_MALFORMED;
    if (FIXED_BYTES + size > PROXY_HEADER_MOST) return PROXY_TOO_LARGE;
    if (length < FIXED_BYTES + size) return PROXY_NEED_MORE;
    *taken = FIXED_BYTES + size;
    return read_v2(out, data[12] & 0x0f, data[13], bytes_of(data + FIXED_BYTES, size));
}

enum proxy_status proxy_header_decode(struct proxy_route *out, const uint8_t *data, size_t length,
                                      size_t *taken)
{
    *out = (struct proxy_route){.known = false};
    *taken = 0;
    if (length == 0) return PROXY_NEED_MORE;
    if (begins_like(data, length, signature, sizeof signature))
        return decode_v2(out, data, length, taken);
    if (!begins_like(data, length, "PROXY ", 6)) return PROXY_NOT_THERE;
    return length < 6 ? PROXY_NEED_MORE : decode_v1(out, data, length, taken);
}
