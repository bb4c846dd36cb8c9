// SPDX-License-Identifier: GPL-3.0-or-later
/* Cursors over borrowed memory, for reading and for writing. A step past the end sets `failed`
 * and stays failed, so that a parser checks once, at the end, instead of at every field.
 *
 *   data          at               length
 *   |--- done ----|---- left ------|                                                            */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *data;
    size_t length;
    size_t at;
    bool failed;
};

/* A piece of borrowed memory; `data` may be NULL when `length` is 0. */
struct span {
    const uint8_t *data;
    size_t length;
};

/* A reader over `length` bytes at `data`, borrowed as long as the reader is used. */
struct bytes bytes_of(const uint8_t *data, size_t length);
bool bytes_ok(const struct bytes *in);
size_t bytes_left(const struct bytes *in);
/* Marks the reader as failed. */
void bytes_fail(struct bytes *in);
/* Each reads a big-endian number; 0 after a failure. */
uint8_t bytes_u8(struct bytes *in);
uint16_t bytes_u16(struct bytes *in);
uint32_t bytes_u24(struct bytes *in);
uint32_t bytes_u32(struct bytes *in);
/* Lends the next `length` bytes; an empty span after a failure. */
struct span bytes_take(struct bytes *in, size_t length);
/* A reader over the next `length` bytes; one that has failed, after a failure. */
struct bytes bytes_sub(struct bytes *in, size_t length);
void bytes_skip(struct bytes *in, size_t length);

/* A span over a string that ends with NUL, without the NUL. */
struct span span_of(const char *text);
bool span_equal(struct span a, struct span b);
bool span_is(struct span a, const char *text);

/* Writes into `data`, `room` bytes large, both borrowed. `length` counts what is written. */
struct bytes_writer {
    uint8_t *data;
    size_t room;
    size_t length;
    bool failed;
};

struct bytes_writer bytes_writer_of(uint8_t *data, size_t room);
bool bytes_writer_ok(const struct bytes_writer *out);
void bytes_put_u8(struct bytes_writer *out, uint8_t value);
void bytes_put_u16(struct bytes_writer *out, uint16_t value);
void bytes_put_u32(struct bytes_writer *out, uint32_t value);
void bytes_put(struct bytes_writer *out, const void *data, size_t length);
