// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "certs/certificate.h"

/* ----------------------------------------------------------------------------------------- copy */

/* One block: the struct, then the lists of pointers, then the lineage, then the texts. */
struct block {
    const char **pointers;
    char *texts;
};

static size_t text_size(const char *text)
{
    return text == NULL ? 1 : strlen(text) + 1;
}

static size_t texts_size(const struct identity_certificate *source)
{
    size_t size = text_size(source->subject) + text_size(source->issuer) +
                  text_size(source->common_name) + text_size(source->serial) +
                  text_size(source->fingerprint_sha256) + text_size(source->spki_sha256) +
                  text_size(source->key) + text_size(source->signature_algorithm);
    for (size_t i = 0; i < source->usages_count; i++)
        size += text_size(source->usages[i]);
    for (size_t i = 0; i < source->san_dns_count; i++)
        size += text_size(source->san_dns[i]);
    for (size_t i = 0; i < source->san_uri_count; i++)
        size += text_size(source->san_uri[i]);
    for (size_t i = 0; i < source->san_email_count; i++)
        size += text_size(source->san_email[i]);
    return size;
}

static const char *copy_text(struct block *block, const char *text)
{
    const char *copy = block->texts;
    size_t size = text_size(text);
    memcpy(block->texts, text == NULL ? "" : text, size);
    block->texts += size;
    return copy;
}

static const char *const *copy_list(struct block *block, const char *const *texts, size_t count)
{
    const char *const *copy = block->pointers;
    for (size_t i = 0; i < count; i++)
        *block->pointers++ = copy_text(block, texts[i]);
    return copy;
}

struct identity_certificate *identity_certificate_copy(const struct identity_certificate *source)
{
    size_t names = source->san_dns_count + source->san_uri_count + source->san_email_count +
                   source->usages_count;
    size_t pointers = names * sizeof(char *);
    size_t lineage = source->lineage_count * sizeof(struct lineage);
    struct identity_certificate *copy = malloc(sizeof *copy + pointers + lineage +
                                               texts_size(source));
    if (copy == NULL) return NULL;
    struct block block = {.pointers = (const char **)(copy + 1)};
    struct lineage *kept = (struct lineage *)(void *)(block.pointers + names);
    block.texts = (char *)(kept + source->lineage_count);
    if (lineage > 0) memcpy(kept, source->lineage, lineage);
    *copy = (struct identity_certificate){
        .subject = copy_text(&block, source->subject),
        .issuer = copy_text(&block, source->issuer),
        .common_name = copy_text(&block, source->common_name),
        .serial = copy_text(&block, source->serial),
        .fingerprint_sha256 = copy_text(&block, source->fingerprint_sha256),
        .spki_sha256 = copy_text(&block, source->spki_sha256),
        .key = copy_text(&block, source->key),
        .key_bits = source->key_bits,
        .signature_algorithm = copy_text(&block, source->signature_algorithm),
        .usages_count = source->usages_count,
        .lineage = kept,
        .lineage_count = source->lineage_count,
        .san_dns_count = source->san_dns_count,
        .san_uri_count = source->san_uri_count,
        .san_email_count = source->san_email_count,
        .not_before = source->not_before,
        .not_after = source->not_after,
    };
    copy->san_dns = copy_list(&block, source->san_dns, source->san_dns_count);
    copy->san_uri = copy_list(&block, source->san_uri, source->san_uri_count);
    copy->san_email = copy_list(&block, source->san_email, source->san_email_count);
    copy->usages = copy_list(&block, source->usages, source->usages_count);
    return copy;
}

struct identity_certificate *identity_certificate_new(const struct certificate *certificate,
                                                      const struct lineage *lineage, size_t count)
{
    return identity_certificate_copy(&(struct identity_certificate){
        .subject = certificate->subject,
        .issuer = certificate->issuer,
        .common_name = certificate->common_name,
        .serial = certificate->serial,
        .fingerprint_sha256 = certificate->fingerprint_sha256,
        .spki_sha256 = certificate->spki_sha256,
        .key = certificate->key_name,
        .key_bits = certificate->key_bits,
        .signature_algorithm = certificate->signature_algorithm,
        .usages = certificate->extended_key_usage.items,
        .usages_count = certificate->extended_key_usage.count,
        .lineage = lineage,
        .lineage_count = count,
        .san_dns = certificate->san_dns.items,
        .san_uri = certificate->san_uri.items,
        .san_email = certificate->san_email.items,
        .san_dns_count = certificate->san_dns.count,
        .san_uri_count = certificate->san_uri.count,
        .san_email_count = certificate->san_email.count,
        .not_before = certificate->not_before,
        .not_after = certificate->not_after,
    });
}

/* ---------------------------------------------------------------------------------- in a ticket */

/*  format, 1 | not before, 8 | not after, 8 | key's bits, 4 | SHA-256 of the certificate and of
 *  its key, 32 each | six texts, each ended by NUL | four lists: how many, 1, and so many texts |
 *  lineage: how many, 1, and so many times 32 */
enum { FORMAT = 3, DIGEST_BYTES = 32, DIGEST_ROOM = 2 * DIGEST_BYTES + 1 };

static void put_time(struct bytes_writer *out, time_t time)
{
    bytes_put_u32(out, (uint32_t)((uint64_t)time >> 32));
    bytes_put_u32(out, (uint32_t)(uint64_t)time);
}

static void put_text(struct bytes_writer *out, const char *text)
{
    bytes_put(out, text == NULL ? "" : text, text_size(text));
}

static void put_list(struct bytes_writer *out, const char *const *texts, size_t count)
{
    bytes_put_u8(out, (uint8_t)count);
    for (size_t i = 0; i < count; i++)
        put_text(out, texts[i]);
}

static uint8_t nibble(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* Half as long as its text. */
static void put_digest(struct bytes_writer *out, const char *hex)
{
    if (hex == NULL || strspn(hex, "0123456789abcdef") != (size_t)DIGEST_BYTES * 2) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        bytes_put_u8(out, (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1])));
}

bool identity_certificate_encode(struct bytes_writer *out,
                                 const struct identity_certificate *certificate)
{
    uint8_t buffer[IDENTITY_LARGEST_ENCODED];
    struct bytes_writer whole = bytes_writer_of(buffer, sizeof buffer);
    size_t names = certificate->san_dns_count + certificate->san_uri_count +
                   certificate->san_email_count + certificate->usages_count;
    if (names > IDENTITY_MOST_ENCODED_NAMES || certificate->lineage_count > LINEAGE_MOST)
        return false;
    bytes_put_u8(&whole, FORMAT);
    put_time(&whole, certificate->not_before);
    put_time(&whole, certificate->not_after);
    bytes_put_u32(&whole, certificate->key_bits);
    put_digest(&whole, certificate->fingerprint_sha256);
    put_digest(&whole, certificate->spki_sha256);
    put_text(&whole, certificate->subject);
    put_text(&whole, certificate->issuer);
    put_text(&whole, certificate->common_name);
    put_text(&whole, certificate->serial);
    put_text(&whole, certificate->key);
    put_text(&whole, certificate->signature_algorithm);
    put_list(&whole, certificate->san_dns, certificate->san_dns_count);
    put_list(&whole, certificate->san_uri, certificate->san_uri_count);
    put_list(&whole, certificate->san_email, certificate->san_email_count);
    put_list(&whole, certificate->usages, certificate->usages_count);
    bytes_put_u8(&whole, (uint8_t)certificate->lineage_count);
    bytes_put(&whole, certificate->lineage, certificate->lineage_count * sizeof(struct lineage));
    if (!bytes_writer_ok(&whole) || !bytes_writer_ok(out)) return false;
    if (whole.length > out->room - out->length) return false;
    bytes_put(out, buffer, whole.length);
    return true;
}

static time_t take_time(struct bytes *in)
{
    uint64_t high = bytes_u32(in);
    return (time_t)(high << 32 | bytes_u32(in));
}

/* Lends from the reader. */
static const char *take_text(struct bytes *in)
{
    if (!bytes_ok(in) || bytes_left(in) == 0) {
        bytes_fail(in);
        return "";
    }
    const uint8_t *from = in->data + in->at;
    const uint8_t *end = memchr(from, '\0', bytes_left(in));
    if (end == NULL) {
        bytes_fail(in);
        return "";
    }
    bytes_skip(in, (size_t)(end - from) + 1);
    return (const char *)from;
}

static const char *take_digest(struct bytes *in, char text[DIGEST_ROOM])
{
    struct span digest = bytes_take(in, DIGEST_BYTES);
    text_hex(text, digest);
    return text;
}

/* Takes a list into what is left of `names`. */
static size_t take_list(struct bytes *in, const char **names, size_t room)
{
    size_t count = bytes_u8(in);
    if (count > room) bytes_fail(in);
    for (size_t i = 0; i < count && bytes_ok(in); i++)
        names[i] = take_text(in);
    return bytes_ok(in) ? count : 0;
}

static size_t take_lineage(struct bytes *in, struct lineage lineage[LINEAGE_MOST])
{
    size_t count = bytes_u8(in);
    if (count > LINEAGE_MOST) bytes_fail(in);
    struct span raw = bytes_take(in, count * sizeof *lineage);
    if (!bytes_ok(in)) return 0;
    if (raw.length > 0) memcpy(lineage, raw.data, raw.length);
    return count;
}

struct identity_certificate *identity_certificate_decode(struct bytes *in)
{
    const char *names[IDENTITY_MOST_ENCODED_NAMES] = {NULL};
    char fingerprint[DIGEST_ROOM];
    char spki[DIGEST_ROOM];
    struct identity_certificate lent = {0};
    if (bytes_u8(in) != FORMAT) bytes_fail(in);
    lent.not_before = take_time(in);
    lent.not_after = take_time(in);
    lent.key_bits = bytes_u32(in);
    lent.fingerprint_sha256 = take_digest(in, fingerprint);
    lent.spki_sha256 = take_digest(in, spki);
    lent.subject = take_text(in);
    lent.issuer = take_text(in);
    lent.common_name = take_text(in);
    lent.serial = take_text(in);
    lent.key = take_text(in);
    lent.signature_algorithm = take_text(in);
    const char **next = names;
    const char **end = names + IDENTITY_MOST_ENCODED_NAMES;
    lent.san_dns = next;
    next += lent.san_dns_count = take_list(in, next, (size_t)(end - next));
    lent.san_uri = next;
    next += lent.san_uri_count = take_list(in, next, (size_t)(end - next));
    lent.san_email = next;
    next += lent.san_email_count = take_list(in, next, (size_t)(end - next));
    lent.usages = next;
    lent.usages_count = take_list(in, next, (size_t)(end - next));
    struct lineage lineage[LINEAGE_MOST];
    lent.lineage = lineage;
    lent.lineage_count = take_lineage(in, lineage);
    return bytes_ok(in) ? identity_certificate_copy(&lent) : NULL;
}
