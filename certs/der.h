// SPDX-License-Identifier: GPL-3.0-or-later
/* DER (X.690): reading over base/bytes.h's cursor, and writing into memory that grows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/bytes.h"

/* Tags, with the bit for constructed ones. */
enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31
};
#define DER_CONTEXT(number)             ((uint8_t)(0x80 | (number)))
#define DER_CONTEXT_CONSTRUCTED(number) ((uint8_t)(0xa0 | (number)))

/* Reading: each step fails the cursor when the next object is not what it asks for, is longer than
 * what holds it, or has a length that is not the shortest (X.690, 10.1). */

/* The tag of the next object; 0 at the end. */
uint8_t der_peek(const struct bytes *in);
/* Lends the content of the next object, which must have this tag. */
struct span der_take(struct bytes *in, uint8_t tag);
/* A reader over it. */
struct bytes der_enter(struct bytes *in, uint8_t tag);
/* Lends the next object whole, its header included, and its tag. */
struct span der_take_whole(struct bytes *in, uint8_t *tag);
/* A positive INTEGER without leading zeros; one zero byte for 0. */
struct span der_take_number(struct bytes *in);
/* UTCTime or GeneralizedTime as RFC 5280, 4.1.2.5, writes them. */
time_t der_take_time(struct bytes *in);
/* A BIT STRING without unused bits. */
struct span der_take_bits(struct bytes *in);
/* FALSE where it is left out, which is its default. */
bool der_take_boolean(struct bytes *in);
bool der_at_end(const struct bytes *in);

/* Writing. A failure (out of memory) sticks; `length` counts what is written. */
struct der_writer {
    uint8_t *data; /* free with der_writer_clear */
    size_t length;
    size_t room;
    bool failed;
};

void der_writer_clear(struct der_writer *out);
/* Opens an object; der_end with what it gave closes it. */
size_t der_begin(struct der_writer *out, uint8_t tag);
void der_end(struct der_writer *out, size_t begun);
void der_put(struct der_writer *out, uint8_t tag, struct span content);
/* Bytes that are DER already. */
void der_put_raw(struct der_writer *out, struct span der);
/* A positive INTEGER from big-endian bytes. */
void der_put_number(struct der_writer *out, struct span number);
void der_put_boolean(struct der_writer *out, bool value);
void der_put_text(struct der_writer *out, uint8_t tag, const char *text);
/* UTCTime before 2050, GeneralizedTime from then on. */
void der_put_time(struct der_writer *out, time_t when);
/* A BIT STRING of whole bytes. */
void der_put_bits(struct der_writer *out, struct span bits);
struct span der_written(const struct der_writer *out);
