// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/bytes.h"

#include <string.h>

struct bytes bytes_of(const uint8_t *data, size_t length)
{
    return (struct bytes){.data = data, .length = length};
}

bool bytes_ok(const struct bytes *in)
{
    return !in->failed;
}

size_t bytes_left(const struct bytes *in)
{
    return in->failed ? 0 : in->length - in->at;
}

void bytes_fail(struct bytes *in)
{
    in->failed = true;
}

struct span bytes_take(struct bytes *in, size_t length)
{
    if (in->failed || in->length - in->at < length) {
        in->failed = true;
        return (struct span){NULL, 0};
    }
    struct span taken = {length == 0 ? in->data : in->data + in->at, length};
    in->at += length;
    return taken;
}

void bytes_skip(struct bytes *in, size_t length)
{
    (void)bytes_take(in, length); /* a failure stays in the cursor */
}

static uint32_t read_number(struct bytes *in, size_t width)
{
    struct span taken = bytes_take(in, width);
    uint32_t value = 0;
    for (size_t i = 0; i < taken.length; i++)
        value = value << 8 | taken.data[i];
    return value;
}

uint8_t bytes_u8(struct bytes *in)
{
    return (uint8_t)read_number(in, 1);
}

uint16_t bytes_u16(struct bytes *in)
{
    return (uint16_t)read_number(in, 2);
}

uint32_t bytes_u24(struct bytes *in)
{
    return read_number(in, 3);
}

uint32_t bytes_u32(struct bytes *in)
{
    return read_number(in, 4);
}

struct bytes bytes_sub(struct bytes *in, size_t length)
{
    struct span taken = bytes_take(in, length);
    struct bytes sub = bytes_of(taken.data, taken.length);
    sub.failed = in->failed;
    return sub;
}

struct span span_of(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

bool span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_of(text));
}

struct bytes_writer bytes_writer_of(uint8_t *data, size_t room)
{
    return (struct bytes_writer){.data = data, .room = room};
}

bool bytes_writer_ok(const struct bytes_writer *out)
{
    return !out->failed;
}

void bytes_put(struct bytes_writer *out, const void *data, size_t length)
{
    if (out->failed || out->room - out->length < length) {
        out->failed = true;
        return;
    }
    if (length > 0) memcpy(out->data + out->length, data, length);
    out->length += length;
}

void bytes_put_u8(struct bytes_writer *out, uint8_t value)
{
    bytes_put(out, &value, 1);
}

void bytes_put_u16(struct bytes_writer *out, uint16_t value)
{
    const uint8_t wire[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    bytes_put(out, wire, sizeof wire);
}

void bytes_put_u32(struct bytes_writer *out, uint32_t value)
{
    const uint8_t wire[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                             (uint8_t)value};
    bytes_put(out, wire, sizeof wire);
}
