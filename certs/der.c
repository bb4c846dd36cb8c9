// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/der.h"

#include <stdlib.h>
#include <string.h>

uint8_t der_peek(const struct bytes *in)
{
    return bytes_ok(in) && bytes_left(in) > 0 ? in->data[in->at] : 0;
}

bool der_at_end(const struct bytes *in)
{
    return bytes_ok(in) && bytes_left(in) == 0;
}

static size_t take_length(struct bytes *in)
{
    uint8_t first = bytes_u8(in);
    if (first < 0x80) return first;
    size_t count = first & 0x7f;
    size_t length = 0;
    if (count == 0 || count > 3) {
        bytes_fail(in); /* indefinite, or 16 MiB and more */
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        length = length << 8 | bytes_u8(in);
    if (length < 0x80 || length >> (8 * (count - 1)) == 0) bytes_fail(in); /* not the shortest */
    return length;
}

struct span der_take_whole(struct bytes *in, uint8_t *tag)
{
    size_t start = in->at;
    *tag = bytes_u8(in);
    if ((*tag & 0x1f) == 0x1f) bytes_fail(in); /* long tags: none in certificates */
    bytes_skip(in, take_length(in));
    if (!bytes_ok(in)) return (struct span){NULL, 0};
    return (struct span){in->data + start, in->at - start};
}

struct span der_take(struct bytes *in, uint8_t tag)
{
    if (bytes_u8(in) != tag) bytes_fail(in);
    return bytes_take(in, take_length(in));
}

struct bytes der_enter(struct bytes *in, uint8_t tag)
{
    if (bytes_u8(in) != tag) bytes_fail(in);
    return bytes_sub(in, take_length(in));
}

struct span der_take_number(struct bytes *in)
{
    struct span number = der_take(in, DER_INTEGER);
    if (number.length == 0 || (number.data[0] & 0x80)) {
        bytes_fail(in);
        return (struct span){NULL, 0};
    }
    while (number.length > 1 && number.data[0] == 0) {
        number.data++;
        number.length--;
    }
    return number;
}

struct span der_take_bits(struct bytes *in)
{
    struct span bits = der_take(in, DER_BIT_STRING);
    if (bits.length == 0 || bits.data[0] != 0) {
        bytes_fail(in);
        return (struct span){NULL, 0};
    }
    return (struct span){bits.data + 1, bits.length - 1};
}

bool der_take_boolean(struct bytes *in)
{
    if (der_peek(in) != DER_BOOLEAN) return false;
    struct span value = der_take(in, DER_BOOLEAN);
    if (value.length != 1) bytes_fail(in);
    return value.length == 1 && value.data[0] != 0;
}

static int two_digits(const uint8_t *at)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') return -1;
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ. */
static bool read_time(struct span text, bool four_digits, time_t *when)
{
    struct tm tm = {0};
    const uint8_t *at = text.data;
    if (text.length != (four_digits ? 15 : 13) || at[text.length - 1] != 'Z') return false;
    int fields[7];
    size_t count = text.length / 2;
    for (size_t i = 0; i < count; i++)
        if ((fields[i] = two_digits(at + 2 * i)) < 0) return false;
    const int *rest = fields + (count - 5);
    if (four_digits)
        tm.tm_year = fields[0] * 100 + fields[1] - 1900;
    else
        tm.tm_year = fields[0] < 50 ? fields[0] + 100 : fields[0];
    tm.tm_mon = rest[0] - 1;
    tm.tm_mday = rest[1];
    tm.tm_hour = rest[2];
    tm.tm_min = rest[3];
    tm.tm_sec = rest[4];
    if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31) return false;
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) return false;
    *when = timegm(&tm);
    return true;
}

time_t der_take_time(struct bytes *in)
{
    time_t when = 0;
    uint8_t tag = der_peek(in) == DER_GENERALIZED_TIME ? DER_GENERALIZED_TIME : DER_UTC_TIME;
    struct span text = der_take(in, tag);
    if (!bytes_ok(in) || !read_time(text, tag == DER_GENERALIZED_TIME, &when)) bytes_fail(in);
    return when;
}

/* Writing. */

static bool make_room(struct der_writer *out, size_t more)
{
    if (out->failed) return false;
    if (out->room - out->length >= more) return true;
    size_t room = 2 * out->room + more + 256;
    uint8_t *data = realloc(out->data, room);
    if (data == NULL) {
        out->failed = true;
        return false;
    }
    out->data = data;
    out->room = room;
    return true;
}

void der_writer_clear(struct der_writer *out)
{
    free(out->data);
    *out = (struct der_writer){0};
}

struct span der_written(const struct der_writer *out)
{
    return (struct span){out->data, out->length};
}

static void put_bytes(struct der_writer *out, const void *data, size_t length)
{
    if (length == 0 || !make_room(out, length)) return;
    memcpy(out->data + out->length, data, length);
    out->length += length;
}

void der_put_raw(struct der_writer *out, struct span der)
{
    put_bytes(out, der.data, der.length);
}

/* The length of the content is known at the end only: it is put in between then. */
size_t der_begin(struct der_writer *out, uint8_t tag)
{
    put_bytes(out, &tag, 1);
    return out->length;
}

static size_t encode_length(uint8_t header[4], size_t length)
{
    size_t count = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
    header[0] = count == 0 ? (uint8_t)length : (uint8_t)(0x80 | count);
    for (size_t i = 0; i < count; i++)
        header[1 + i] = (uint8_t)(length >> (8 * (count - 1 - i)));
    return count + 1;
}

void der_end(struct der_writer *out, size_t begun)
{
    uint8_t header[4];
    size_t length = out->length - begun;
    if (out->failed || length >= 1U << 24) {
        out->failed = true;
        return;
    }
    size_t count = encode_length(header, length);
    if (!make_room(out, count)) return;
    memmove(out->data + begun + count, out->data + begun, length);
    memcpy(out->data + begun, header, count);
    out->length += count;
}

void der_put(struct der_writer *out, uint8_t tag, struct span content)
{
    size_t object = der_begin(out, tag);
    der_put_raw(out, content);
    der_end(out, object);
}

void der_put_number(struct der_writer *out, struct span number)
{
    while (number.length > 1 && number.data[0] == 0) {
        number.data++;
        number.length--;
    }
    size_t object = der_begin(out, DER_INTEGER);
    if (number.length == 0 || (number.data[0] & 0x80)) put_bytes(out, "", 1);
    der_put_raw(out, number);
    der_end(out, object);
}

void der_put_boolean(struct der_writer *out, bool value)
{
    uint8_t byte = value ? 0xff : 0;
    der_put(out, DER_BOOLEAN, (struct span){&byte, 1});
}

void der_put_text(struct der_writer *out, uint8_t tag, const char *text)
{
    der_put(out, tag, span_of(text));
}

void der_put_bits(struct der_writer *out, struct span bits)
{
    size_t object = der_begin(out, DER_BIT_STRING);
    put_bytes(out, "", 1);
    der_put_raw(out, bits);
    der_end(out, object);
}

void der_put_time(struct der_writer *out, time_t when)
{
    struct tm tm;
    char text[32];
    if (gmtime_r(&when, &tm) == NULL) {
        out->failed = true;
        return;
    }
    bool utc = tm.tm_year < 150; /* RFC 5280, 4.1.2.5: two digits of the year are enough */
    if (strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm) == 0) out->failed = true;
    der_put_text(out, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, utc ? text + 2 : text);
}
