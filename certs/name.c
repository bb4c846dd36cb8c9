// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/name.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "certs/der.h"
#include "certs/oids.h"

enum { PARTS_MAX = 32, VALUE_MAX = 1024, TELETEX_STRING = 0x14, VISIBLE_STRING = 0x1a };

/* The parts of a name, in the order of the DER: the most specific one is the last. */
struct parts {
    struct span sets[PARTS_MAX];
    size_t count;
};

struct attribute {
    struct span oid;
    uint8_t tag;
    struct span value; /* content */
    struct span whole;
};

static bool split(struct parts *out, struct span name)
{
    struct bytes in = bytes_of(name.data, name.length);
    struct bytes sets = der_enter(&in, DER_SEQUENCE);
    out->count = 0;
    while (bytes_ok(&sets) && !der_at_end(&sets)) {
        if (out->count == PARTS_MAX) return false;
        out->sets[out->count++] = der_take(&sets, DER_SET);
    }
    return der_at_end(&sets) && der_at_end(&in);
}

static struct attribute take_attribute(struct bytes *set)
{
    struct attribute attribute = {0};
    struct bytes pair = der_enter(set, DER_SEQUENCE);
    attribute.oid = der_take(&pair, DER_OID);
    attribute.whole = der_take_whole(&pair, &attribute.tag);
    if (!der_at_end(&pair)) bytes_fail(set);
    struct bytes value = bytes_of(attribute.whole.data, attribute.whole.length);
    attribute.value = der_take(&value, attribute.tag);
    return attribute;
}

static void put_code_point(struct bytes_writer *out, uint32_t point)
{
    if (point < 0x80) {
        bytes_put_u8(out, (uint8_t)point);
        return;
    }
    if (point < 0x800) {
        bytes_put_u8(out, (uint8_t)(0xc0 | point >> 6));
    } else {
        bytes_put_u8(out, (uint8_t)(0xe0 | point >> 12));
        bytes_put_u8(out, (uint8_t)(0x80 | (point >> 6 & 0x3f)));
    }
    bytes_put_u8(out, (uint8_t)(0x80 | (point & 0x3f)));
}

/* UCS-2, big-endian; its surrogates would not be UTF-8 and are refused by who checks that. */
static void put_bmp(struct bytes_writer *out, struct span value)
{
    if (value.length % 2 != 0) out->failed = true;
    for (size_t i = 0; i + 1 < value.length; i += 2)
        put_code_point(out, (uint32_t)value.data[i] << 8 | value.data[i + 1]);
}

/* The value as UTF-8; false: it is no text. */
static bool put_text(struct bytes_writer *out, const struct attribute *attribute)
{
    switch (attribute->tag) {
    case DER_BMP_STRING:
        put_bmp(out, attribute->value);
        break;
    case DER_UTF8_STRING:
    case DER_PRINTABLE_STRING:
    case DER_IA5_STRING:
    case TELETEX_STRING:
    case VISIBLE_STRING:
        bytes_put(out, attribute->value.data, attribute->value.length);
        break;
    default:
        return false;
    }
    return bytes_writer_ok(out) && text_is_utf8((struct span){out->data, out->length});
}

void name_put_oid(struct bytes_writer *out, struct span oid)
{
    uint64_t arc = 0;
    bool first = true;
    char text[32];
    for (size_t i = 0; i < oid.length; i++) {
        if (arc >> 56) out->failed = true;
        arc = arc << 7 | (oid.data[i] & 0x7f);
        if (oid.data[i] & 0x80) continue;
        uint64_t top = arc < 40 ? 0 : arc < 80 ? 1 : 2;
        int length = first ? snprintf(text, sizeof text, "%u.%llu", (unsigned)top,
                                      (unsigned long long)(arc - 40 * top))
                           : snprintf(text, sizeof text, ".%llu", (unsigned long long)arc);
        bytes_put(out, text, (size_t)length); /* 20 digits at most: it fits */
        first = false;
        arc = 0;
    }
}

static void put_type(struct bytes_writer *out, struct span oid)
{
    /* clang-format 14 crashes on these rows. */
    // clang-format off
    const struct {
        struct span oid;
        const char *name;
    } types[] = {
        {OID_COMMON_NAME, "CN"},
        {OID_ORGANIZATION_NAME, "O"},
        {OID(0x55, 0x04, 0x0b), "OU"},
        {OID(0x55, 0x04, 0x06), "C"},
        {OID(0x55, 0x04, 0x07), "L"},
        {OID(0x55, 0x04, 0x08), "ST"},
        {OID(0x55, 0x04, 0x09), "STREET"},
        {OID(0x55, 0x04, 0x05), "serialNumber"},
        {OID(0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19), "DC"},
        {OID(0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01), "UID"},
        {OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01), "emailAddress"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (!span_equal(oid, types[i].oid)) continue;
        bytes_put(out, types[i].name, strlen(types[i].name));
        return;
    }
    name_put_oid(out, oid);
}

static void put_hex(struct bytes_writer *out, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    bytes_put_u8(out, (uint8_t)digits[byte >> 4]);
    bytes_put_u8(out, (uint8_t)digits[byte & 15]);
}

/* C0 and C1: what a terminal might obey. Returns the bytes that it has in UTF-8, 0: it is none. */
static size_t control_at(struct span text, size_t at)
{
    uint8_t c = text.data[at];
    if (c < 0x20 || c == 0x7f) return 1;
    return c == 0xc2 && at + 1 < text.length && text.data[at + 1] < 0xa0 ? 2 : 0;
}

/* RFC 4514, 2.4. */
static void put_escaped(struct bytes_writer *out, struct span text)
{
    size_t at = 0;
    while (at < text.length) {
        uint8_t c = text.data[at];
        bool at_edge = (at == 0 && (c == ' ' || c == '#')) || (at + 1 == text.length && c == ' ');
        size_t control = control_at(text, at);
        for (size_t i = 0; i < control; i++) {
            bytes_put_u8(out, '\\');
            put_hex(out, text.data[at + i]);
        }
        at += control;
        if (control > 0) continue;
        if (at_edge || strchr("\"+,;<>\\", c) != NULL) bytes_put_u8(out, '\\');
        bytes_put_u8(out, c);
        at++;
    }
}

static void put_value(struct bytes_writer *out, const struct attribute *attribute)
{
    uint8_t memory[VALUE_MAX];
    struct bytes_writer text = bytes_writer_of(memory, sizeof memory);
    if (put_text(&text, attribute)) {
        put_escaped(out, (struct span){memory, text.length});
        return;
    }
    bytes_put_u8(out, '#');
    for (size_t i = 0; i < attribute->whole.length; i++)
        put_hex(out, attribute->whole.data[i]);
}

bool name_format(struct bytes_writer *out, struct span name)
{
    struct parts parts;
    if (!split(&parts, name)) return false;
    for (size_t i = parts.count; i-- > 0;) {
        struct bytes set = bytes_of(parts.sets[i].data, parts.sets[i].length);
        if (i + 1 < parts.count) bytes_put_u8(out, ',');
        for (bool first = true; bytes_ok(&set) && !der_at_end(&set); first = false) {
            struct attribute attribute = take_attribute(&set);
            if (!first) bytes_put_u8(out, '+');
            put_type(out, attribute.oid);
            bytes_put_u8(out, '=');
            put_value(out, &attribute);
        }
        if (!bytes_ok(&set)) return false;
    }
    return bytes_writer_ok(out);
}

static bool find_common(const struct parts *parts, struct attribute *found)
{
    for (size_t i = parts->count; i-- > 0;) {
        struct bytes set = bytes_of(parts->sets[i].data, parts->sets[i].length);
        while (bytes_ok(&set) && !der_at_end(&set)) {
            *found = take_attribute(&set);
            if (bytes_ok(&set) && span_equal(found->oid, OID_COMMON_NAME)) return true;
        }
    }
    return false;
}

bool name_common(struct bytes_writer *out, struct span name)
{
    struct parts parts;
    struct attribute found;
    uint8_t memory[VALUE_MAX];
    struct bytes_writer text = bytes_writer_of(memory, sizeof memory);
    if (!split(&parts, name)) return false;
    if (!find_common(&parts, &found) || !put_text(&text, &found)) return true;
    if (memchr(memory, 0, text.length) != NULL) return false;
    bytes_put(out, memory, text.length);
    return bytes_writer_ok(out);
}
