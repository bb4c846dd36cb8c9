// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "certs/der.h"

static const char BEGIN[] = "-----BEGIN ";
static const char END[] = "-----END ";
static const char DASHES[] = "-----";
static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static enum pem_kind kind_of(const char *label)
{
    static const struct {
        const char *label;
        enum pem_kind kind;
    } kinds[] = {
        {"CERTIFICATE",           PEM_CERTIFICATE  },
        {"X509 CERTIFICATE",      PEM_CERTIFICATE  },
        {"TRUSTED CERTIFICATE",   PEM_OTHER        },
        {"X509 CRL",              PEM_CRL          },
        {"PRIVATE KEY",           PEM_PRIVATE_KEY  },
        {"EC PRIVATE KEY",        PEM_PRIVATE_KEY  },
        {"RSA PRIVATE KEY",       PEM_PRIVATE_KEY  },
        {"ENCRYPTED PRIVATE KEY", PEM_ENCRYPTED_KEY},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        if (strcmp(kinds[i].label, label) == 0) return kinds[i].kind;
    return PEM_OTHER;
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes base64 with white space in it; false: something else is in it. */
static bool decode(const char *text, const char *end, uint8_t *out, size_t *length)
{
    uint32_t bits = 0;
    unsigned digits = 0;
    unsigned padding = 0;
    size_t at = 0;
    for (; text < end; text++) {
        int digit = digit_of(*text);
        if (*text == '\n' || *text == '\r' || *text == ' ' || *text == '\t') continue;
        if (*text == '=')
            padding++;
        else if (digit < 0 || padding > 0)
            return false;
        bits = bits << 6 | (digit < 0 ? 0U : (uint32_t)digit);
        if (++digits % 4 != 0) continue;
        out[at++] = (uint8_t)(bits >> 16);
        out[at++] = (uint8_t)(bits >> 8);
        out[at++] = (uint8_t)bits;
    }
    if (digits % 4 != 0 || padding > 2 || at < padding) return false;
    *length = at - padding;
    return *length > 0;
}

static bool add_block(struct pem *pem, const struct pem_block *block)
{
    struct pem_block *blocks = realloc(pem->blocks, (pem->count + 1) * sizeof *blocks);
    if (blocks == NULL) return false;
    blocks[pem->count++] = *block;
    pem->blocks = blocks;
    return true;
}

/* The label behind "-----BEGIN "; false: the line is broken. */
static bool read_label(const char *line, char label[PEM_LABEL_ROOM])
{
    const char *start = line + strlen(BEGIN);
    const char *dashes = strstr(start, DASHES);
    const char *newline = strchr(start, '\n');
    if (dashes == NULL || (newline != NULL && newline < dashes)) return false;
    size_t length = (size_t)(dashes - start);
    if (length >= PEM_LABEL_ROOM) return false;
    memcpy(label, start, length);
    label[length] = 0;
    return true;
}

/* Where the base64 begins: behind the headers of the traditional encrypted form, if there are. */
static const char *body_of(const char *body, const char *end, struct pem_block *block)
{
    const char *colon = memchr(body, ':', (size_t)(end - body));
    if (colon == NULL) return body;
    if (block->kind == PEM_PRIVATE_KEY) block->kind = PEM_ENCRYPTED_KEY;
    const char *blank = strstr(colon, "\n\n");
    if (blank == NULL || blank > end) blank = strstr(colon, "\n\r\n");
    return blank == NULL || blank > end ? body : blank;
}

/* Reads the block at `begin`; NULL: it is broken, else what is behind it. `out` has room. */
static const char *read_block(struct pem *pem, const char *begin, uint8_t **out, struct err *err)
{
    struct pem_block block = {0};
    char last[sizeof END + PEM_LABEL_ROOM + sizeof DASHES];
    size_t number = pem->count + 1;
    if (!read_label(begin, block.label)) {
        err_set(err, "block %zu has no proper BEGIN line", number);
        return NULL;
    }
    (void)snprintf(last, sizeof last, "%s%s%s", END, block.label, DASHES); /* fits by its size */
    const char *body = begin + strlen(BEGIN) + strlen(block.label) + strlen(DASHES);
    const char *end = strstr(body, last);
    if (end == NULL) {
        err_set(err, "block %zu (%s) has no line \"%s\": is the file cut off?", number, block.label,
                last);
        return NULL;
    }
    block.kind = kind_of(block.label);
    block.der.data = *out;
    if (!decode(body_of(body, end, &block), end, *out, &block.der.length)) {
        err_set(err, "block %zu (%s) is no proper base64", number, block.label);
        return NULL;
    }
    *out += block.der.length;
    if (!add_block(pem, &block)) {
        err_set(err, "out of memory");
        return NULL;
    }
    return end + strlen(last);
}

/* What a DER object without a label is: a key begins with its version; a certificate and a CRL
 * with what is signed, a certificate's with [0]. */
static enum pem_kind kind_of_der(struct span der)
{
    struct bytes in = bytes_of(der.data, der.length);
    struct bytes object = der_enter(&in, DER_SEQUENCE);
    if (der_peek(&object) == DER_INTEGER) return PEM_PRIVATE_KEY;
    struct bytes tbs = der_enter(&object, DER_SEQUENCE);
    return der_peek(&tbs) == DER_CONTEXT_CONSTRUCTED(0) ? PEM_CERTIFICATE
           : der_peek(&tbs) != 0                        ? PEM_CRL
                                                        : PEM_OTHER;
}

static bool read_der(struct pem *pem, struct err *err)
{
    struct pem_block block = {kind_of_der(pem->content), "", pem->content};
    if (pem->content.length < 2 || pem->content.data[0] != 0x30)
        return err_set(err, "there is no PEM block in it (-----BEGIN ...-----)");
    pem->is_der = true;
    return add_block(pem, &block) ? true : err_set(err, "out of memory");
}

bool pem_read(struct pem *out, struct span content, struct err *err)
{
    *out = (struct pem){0};
    out->memory_length = 2 * content.length + 8; /* what is decoded is shorter than its text */
    out->memory = calloc(1, out->memory_length);
    if (out->memory == NULL) return err_set(err, "out of memory");
    if (content.length > 0) memcpy(out->memory, content.data, content.length);
    out->content = (struct span){out->memory, content.length};

    uint8_t *room = out->memory + content.length + 1;
    const char *at = strstr((const char *)out->memory, BEGIN);
    bool done = at != NULL || read_der(out, err);
    while (done && at != NULL) {
        at = read_block(out, at, &room, err);
        done = at != NULL;
        if (done) at = strstr(at, BEGIN);
    }
    if (!done) pem_clear(out);
    return done;
}

bool pem_load(struct pem *out, const char *path, struct err *err)
{
    size_t length = 0;
    *out = (struct pem){0};
    uint8_t *content = file_read(path, PEM_FILE_MAX, &length, err);
    if (content == NULL) return false;
    bool done = pem_read(out, (struct span){content, length}, err);
    if (!done) err_prefix(err, "%s", path);
    explicit_bzero(content, length);
    free(content);
    return done;
}

void pem_clear(struct pem *pem)
{
    if (pem->memory != NULL) explicit_bzero(pem->memory, pem->memory_length);
    free(pem->memory);
    free(pem->blocks);
    *pem = (struct pem){0};
}

const struct pem_block *pem_find(const struct pem *pem, enum pem_kind kind, size_t index)
{
    for (size_t i = 0; i < pem->count; i++)
        if (pem->blocks[i].kind == kind && index-- == 0) return &pem->blocks[i];
    return NULL;
}

size_t pem_count(const struct pem *pem, enum pem_kind kind)
{
    size_t count = 0;
    while (pem_find(pem, kind, count) != NULL)
        count++;
    return count;
}

static char *encode(char *out, struct span in)
{
    for (size_t i = 0; i < in.length; i += 3) {
        size_t left = in.length - i;
        uint32_t bits = (uint32_t)in.data[i] << 16;
        if (left > 1) bits |= (uint32_t)in.data[i + 1] << 8;
        if (left > 2) bits |= in.data[i + 2];
        *out++ = ALPHABET[bits >> 18];
        *out++ = ALPHABET[bits >> 12 & 63];
        *out++ = left > 1 ? ALPHABET[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? ALPHABET[bits & 63] : '=';
        if (i % 48 == 45 || left <= 3) *out++ = '\n';
    }
    return out;
}

char *pem_encode(const char *label, struct span der, size_t *length)
{
    size_t room = der.length / 3 * 4 + der.length / 48 + 2 * strlen(label) + 64;
    char *text = malloc(room);
    if (text == NULL) return NULL;
    char *at = text + snprintf(text, room, "%s%s%s\n", BEGIN, label, DASHES);
    at = encode(at, der);
    at += snprintf(at, room - (size_t)(at - text), "%s%s%s\n", END, label, DASHES);
    *length = (size_t)(at - text);
    return text;
}
