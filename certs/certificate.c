// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/certificate.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "certs/der.h"
#include "certs/name.h"
#include "certs/oids.h"
#include "certs/wolfcrypt.h"
#include "certs/x509.h"

/* GeneralName (RFC 5280, 4.2.1.6). */
enum { EMAIL = 0x81, DNS = 0x82, URI = 0x86, IP = 0x87 };

/* Texts one behind the other, each with a NUL, in the one allocation of a certificate:
 *   | pointers to the alternative names | texts ...                                       */
struct texts {
    const char **pointers;
    struct bytes_writer out;
};

static const char *end_text(struct texts *texts, size_t start)
{
    bytes_put_u8(&texts->out, 0);
    return bytes_writer_ok(&texts->out) ? (const char *)texts->out.data + start : "";
}

static const char *keep_hex(struct texts *texts, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    size_t start = texts->out.length;
    for (size_t i = 0; i < bytes.length; i++) {
        bytes_put_u8(&texts->out, (uint8_t)digits[bytes.data[i] >> 4]);
        bytes_put_u8(&texts->out, (uint8_t)digits[bytes.data[i] & 15]);
    }
    return end_text(texts, start);
}

static const char *keep_name(struct texts *texts, struct span name)
{
    size_t start = texts->out.length;
    if (!name_format(&texts->out, name)) texts->out.failed = true;
    return end_text(texts, start);
}

static const char *keep_common(struct texts *texts, struct span name)
{
    size_t start = texts->out.length;
    if (!name_common(&texts->out, name)) texts->out.failed = true;
    return end_text(texts, start);
}

/* An address as text, in `room`; any other name as it is. False: it is none, or has an embedded
 * NUL and so looks like a shorter one. */
static bool as_text(struct span *value, uint8_t tag, char room[INET6_ADDRSTRLEN])
{
    if (tag != IP) return memchr(value->data, 0, value->length) == NULL && text_is_utf8(*value);
    int family = value->length == 4 ? AF_INET : AF_INET6;
    if (value->length != 4 && value->length != 16) return false;
    if (inet_ntop(family, value->data, room, INET6_ADDRSTRLEN) == NULL) return false;
    *value = span_of(room);
    return true;
}

/* The names of `tag` in a GeneralNames, in their order. */
static struct certificate_names keep_alternatives(struct texts *texts, struct span names,
                                                  uint8_t tag)
{
    struct certificate_names kept = {texts->pointers, 0};
    struct bytes in = bytes_of(names.data, names.length);
    struct bytes items = der_enter(&in, DER_SEQUENCE);
    while (bytes_ok(&items) && !der_at_end(&items)) {
        uint8_t found;
        char address[INET6_ADDRSTRLEN];
        struct span whole = der_take_whole(&items, &found);
        if (found != tag || !bytes_ok(&items)) continue;
        struct bytes item = bytes_of(whole.data, whole.length);
        struct span value = der_take(&item, tag);
        if (!as_text(&value, tag, address)) bytes_fail(&items);
        size_t start = texts->out.length;
        bytes_put(&texts->out, value.data, value.length);
        *texts->pointers++ = end_text(texts, start);
        kept.count++;
    }
    if (!der_at_end(&items) || !der_at_end(&in)) texts->out.failed = true;
    return kept;
}

static size_t count_items(struct span names)
{
    uint8_t tag;
    size_t count = 0;
    struct bytes in = bytes_of(names.data, names.length);
    struct bytes items = der_enter(&in, DER_SEQUENCE);
    for (; bytes_ok(&items) && !der_at_end(&items); count++)
        (void)der_take_whole(&items, &tag);
    return count;
}

static unsigned bits_of(struct span number)
{
    unsigned bits = (unsigned)number.length * 8;
    for (uint8_t mask = 0x80; number.length > 0 && mask != 0 && !(number.data[0] & mask);
         mask >>= 1)
        bits--;
    return bits;
}

static void read_rsa_key(struct certificate *out, struct span bits)
{
    struct bytes in = bytes_of(bits.data, bits.length);
    struct bytes key = der_enter(&in, DER_SEQUENCE);
    out->key = CERTIFICATE_KEY_RSA;
    out->key_name = "RSA";
    out->key_bits = bits_of(der_take_number(&key));
}

static void read_ecdsa_key(struct certificate *out, struct span curve)
{
    const struct {
        struct span oid;
        const char *name;
        unsigned bits;
    } curves[] = {
        {OID_P256, "P-256", 256},
        {OID_P384, "P-384", 384},
        {OID_P521, "P-521", 521},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(curves); i++) {
        if (!span_equal(curve, curves[i].oid)) continue;
        out->key = CERTIFICATE_KEY_ECDSA;
        out->key_name = curves[i].name;
        out->key_bits = curves[i].bits;
    }
}

static bool read_key(struct certificate *out, struct texts *texts, struct span spki)
{
    struct bytes in = bytes_of(spki.data, spki.length);
    struct bytes info = der_enter(&in, DER_SEQUENCE);
    struct bytes algorithm = der_enter(&info, DER_SEQUENCE);
    struct span oid = der_take(&algorithm, DER_OID);
    struct span curve = der_peek(&algorithm) == DER_OID ? der_take(&algorithm, DER_OID)
                                                        : (struct span){NULL, 0};
    struct span bits = der_take_bits(&info);
    if (!der_at_end(&info) || !bytes_ok(&algorithm)) return false;
    if (span_equal(oid, OID_RSA_ENCRYPTION) || span_equal(oid, OID_RSA_PSS))
        read_rsa_key(out, bits);
    else if (span_equal(oid, OID_EC_PUBLIC_KEY))
        read_ecdsa_key(out, curve);
    else if (span_equal(oid, OID_ED25519)) {
        out->key = CERTIFICATE_KEY_ED25519;
        out->key_name = "Ed25519";
        out->key_bits = 256;
    }
    if (out->key_name == NULL) {
        size_t start = texts->out.length;
        name_put_oid(&texts->out, curve.length > 0 ? curve : oid);
        out->key_name = end_text(texts, start);
    }
    return true;
}

static bool read_basic_constraints(struct certificate *out, struct span value)
{
    struct bytes in = bytes_of(value.data, value.length);
    struct bytes constraints = der_enter(&in, DER_SEQUENCE);
    out->is_ca = der_take_boolean(&constraints);
    if (der_peek(&constraints) == DER_INTEGER) {
        struct span limit = der_take_number(&constraints);
        out->path_length = limit.length == 1 ? limit.data[0] : -1;
    }
    return der_at_end(&constraints);
}

static bool read_key_usage(struct certificate *out, struct span value)
{
    struct bytes in = bytes_of(value.data, value.length);
    struct span bits = der_take(&in, DER_BIT_STRING);
    if (!bytes_ok(&in) || bits.length < 1) return false;
    out->has_key_usage = true;
    for (unsigned i = 0; i < 16 && i / 8 + 1 < bits.length; i++)
        if (bits.data[1 + i / 8] & 0x80 >> i % 8) out->key_usage |= 1U << i;
    return true;
}

static const char *keep_usage(struct texts *texts, struct span oid)
{
    if (span_equal(oid, OID_CLIENT_AUTH)) return "clientAuth";
    if (span_equal(oid, OID_SERVER_AUTH)) return "serverAuth";
    size_t start = texts->out.length;
    name_put_oid(&texts->out, oid);
    return end_text(texts, start);
}

static bool read_extended_key_usage(struct certificate *out, struct texts *texts, struct span value)
{
    struct bytes in = bytes_of(value.data, value.length);
    struct bytes purposes = der_enter(&in, DER_SEQUENCE);
    out->has_extended_key_usage = true;
    out->extended_key_usage.items = texts->pointers;
    out->client_auth = out->server_auth = false;
    while (bytes_ok(&purposes) && !der_at_end(&purposes)) {
        struct span oid = der_take(&purposes, DER_OID);
        bool any = span_equal(oid, OID_ANY_EXTENDED_KEY_USAGE);
        *texts->pointers++ = keep_usage(texts, oid);
        out->extended_key_usage.count++;
        if (any || span_equal(oid, OID_CLIENT_AUTH)) out->client_auth = true;
        if (any || span_equal(oid, OID_SERVER_AUTH)) out->server_auth = true;
    }
    return der_at_end(&purposes);
}

static void read_key_ids(struct certificate *out, struct texts *texts, const struct x509 *in)
{
    struct span value;
    struct span id = {NULL, 0};
    if (x509_extension(in, OID_SUBJECT_KEY_ID, &value, NULL)) {
        struct bytes reader = bytes_of(value.data, value.length);
        id = der_take(&reader, DER_OCTET_STRING);
    }
    out->subject_key_id = keep_hex(texts, id);
    id = (struct span){NULL, 0};
    if (x509_extension(in, OID_AUTHORITY_KEY_ID, &value, NULL)) {
        struct bytes reader = bytes_of(value.data, value.length);
        struct bytes authority = der_enter(&reader, DER_SEQUENCE);
        if (der_peek(&authority) == DER_CONTEXT(0)) id = der_take(&authority, DER_CONTEXT(0));
    }
    out->authority_key_id = keep_hex(texts, id);
}

static bool read_usages(struct certificate *out, struct texts *texts, const struct x509 *in)
{
    struct span value;
    out->path_length = -1;
    out->client_auth = out->server_auth = true;
    if (x509_extension(in, OID_BASIC_CONSTRAINTS, &value, NULL) &&
        !read_basic_constraints(out, value))
        return false;
    if (x509_extension(in, OID_KEY_USAGE, &value, NULL) && !read_key_usage(out, value))
        return false;
    return !x509_extension(in, OID_EXTENDED_KEY_USAGE, &value, NULL) ||
           read_extended_key_usage(out, texts, value);
}

static bool read_signature(struct certificate *out, struct texts *texts, struct span algorithm)
{
    const struct {
        struct span oid;
        const char *name;
    } known[] = {
        {OID_ECDSA_WITH_SHA256, "ECDSA-SHA256"},
        {OID_ECDSA_WITH_SHA384, "ECDSA-SHA384"},
        {OID_ECDSA_WITH_SHA512, "ECDSA-SHA512"},
        {OID_SHA256_WITH_RSA,   "RSA-SHA256"  },
        {OID_SHA384_WITH_RSA,   "RSA-SHA384"  },
        {OID_SHA512_WITH_RSA,   "RSA-SHA512"  },
        {OID_RSA_PSS,           "RSA-PSS"     },
        {OID_ED25519,           "Ed25519"     },
    };
    struct bytes in = bytes_of(algorithm.data, algorithm.length);
    struct bytes content = der_enter(&in, DER_SEQUENCE);
    struct span oid = der_take(&content, DER_OID);
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (span_equal(oid, known[i].oid)) out->signature_algorithm = known[i].name;
    if (out->signature_algorithm != NULL) return true;
    size_t start = texts->out.length;
    name_put_oid(&texts->out, oid);
    out->signature_algorithm = end_text(texts, start);
    return bytes_ok(&content);
}

static bool read_names(struct certificate *out, struct texts *texts, const struct x509 *in,
                       struct span alternatives)
{
    out->subject = keep_name(texts, in->subject);
    out->issuer = keep_name(texts, in->issuer);
    out->common_name = keep_common(texts, in->subject);
    out->serial = keep_hex(texts, in->serial);
    if (alternatives.length > 0) {
        out->san_dns = keep_alternatives(texts, alternatives, DNS);
        out->san_uri = keep_alternatives(texts, alternatives, URI);
        out->san_email = keep_alternatives(texts, alternatives, EMAIL);
        out->san_ip = keep_alternatives(texts, alternatives, IP);
    }
    read_key_ids(out, texts, in);
    return bytes_writer_ok(&texts->out);
}

static bool digest(char out[65], struct span in)
{
    uint8_t hash[WC_SHA256_DIGEST_SIZE];
    if (wc_Sha256Hash(in.data, (word32)in.length, hash) != 0) return false;
    text_hex(out, (struct span){hash, sizeof hash});
    return true;
}

bool certificate_read(struct certificate *out, const uint8_t *der, size_t length)
{
    struct x509 in;
    struct span alternatives = {NULL, 0};
    struct span usages = {NULL, 0};
    *out = (struct certificate){0};
    if (!x509_read(&in, (struct span){der, length})) return false;
    (void)x509_extension(&in, OID_SUBJECT_ALT_NAME, &alternatives, NULL); /* may have none */
    (void)x509_extension(&in, OID_EXTENDED_KEY_USAGE, &usages, NULL);     /* likewise */

    /* A byte of DER never becomes more than four characters; an address becomes 46 out of 6. */
    size_t count = count_items(alternatives) + count_items(usages);
    size_t room = 4 * length + 46 * count + 256;
    out->memory = malloc(count * sizeof(char *) + room);
    if (out->memory == NULL) return false;
    struct texts texts = {out->memory,
                          bytes_writer_of((uint8_t *)out->memory + count * sizeof(char *), room)};
    out->not_before = in.not_before;
    out->not_after = in.not_after;
    if (read_names(out, &texts, &in, alternatives) && read_key(out, &texts, in.spki) &&
        read_usages(out, &texts, &in) && read_signature(out, &texts, in.signature_algorithm) &&
        bytes_writer_ok(&texts.out) && digest(out->fingerprint_sha256, in.der) &&
        digest(out->spki_sha256, in.spki))
        return true;
    certificate_clear(out);
    return false;
}

void certificate_clear(struct certificate *certificate)
{
    free(certificate->memory);
    *certificate = (struct certificate){0};
}
