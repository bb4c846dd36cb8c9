// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/issue.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "certs/oids.h"
#include "certs/wolfcrypt.h"
#include "certs/x509.h"

enum { KEY_ID_BYTES = 20, VERSION_3 = 2, VERSION_2 = 1 };

static void put_small(struct der_writer *out, uint8_t number)
{
    der_put_number(out, (struct span){&number, 1});
}

static void put_attribute(struct der_writer *out, struct span oid, const char *value)
{
    size_t set = der_begin(out, DER_SET);
    size_t pair = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, oid);
    der_put_text(out, DER_UTF8_STRING, value);
    der_end(out, pair);
    der_end(out, set);
}

static void put_name(struct der_writer *out, const struct issue_request *request)
{
    size_t name = der_begin(out, DER_SEQUENCE);
    if (request->organization != NULL)
        put_attribute(out, OID_ORGANIZATION_NAME, request->organization);
    put_attribute(out, OID_COMMON_NAME, request->common_name);
    der_end(out, name);
}

/* An Extension; what is put before extension_end is its value. */
struct open_extension {
    size_t outer;
    size_t value;
};

static struct open_extension begin_extension(struct der_writer *out, struct span oid, bool critical)
{
    struct open_extension extension;
    extension.outer = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, oid);
    if (critical) der_put_boolean(out, true); /* FALSE is the default, and so left out */
    extension.value = der_begin(out, DER_OCTET_STRING);
    return extension;
}

static void end_extension(struct der_writer *out, struct open_extension extension)
{
    der_end(out, extension.value);
    der_end(out, extension.outer);
}

static void put_basic_constraints(struct der_writer *out, const struct issue_request *request)
{
    struct open_extension extension = begin_extension(out, OID_BASIC_CONSTRAINTS, true);
    size_t constraints = der_begin(out, DER_SEQUENCE);
    if (request->is_ca) der_put_boolean(out, true);
    if (request->is_ca && request->path_length >= 0) put_small(out, (uint8_t)request->path_length);
    der_end(out, constraints);
    end_extension(out, extension);
}

/* digitalSignature (and keyEncipherment for RSA in TLS 1.2), or keyCertSign and cRLSign. */
static void put_key_usage(struct der_writer *out, bool is_ca, enum certificate_key kind)
{
    uint8_t bits = is_ca ? 0x06 : kind == CERTIFICATE_KEY_RSA ? 0xa0 : 0x80;
    uint8_t unused = is_ca ? 1 : kind == CERTIFICATE_KEY_RSA ? 5 : 7;
    struct open_extension extension = begin_extension(out, OID_KEY_USAGE, true);
    der_put(out, DER_BIT_STRING,
            (struct span){
                (const uint8_t[]){unused, bits},
                 2
    });
    end_extension(out, extension);
}

static void put_purposes(struct der_writer *out, const struct issue_request *request)
{
    if (!request->client_auth && !request->server_auth) return;
    struct open_extension extension = begin_extension(out, OID_EXTENDED_KEY_USAGE, false);
    size_t purposes = der_begin(out, DER_SEQUENCE);
    if (request->server_auth) der_put(out, DER_OID, OID_SERVER_AUTH);
    if (request->client_auth) der_put(out, DER_OID, OID_CLIENT_AUTH);
    der_end(out, purposes);
    end_extension(out, extension);
}

/* The first 160 bits of the key's SHA-256 (RFC 7093, 2). */
static void put_subject_key_id(struct der_writer *out, struct span spki)
{
    uint8_t hash[WC_SHA256_DIGEST_SIZE];
    struct bytes in = bytes_of(spki.data, spki.length);
    struct bytes info = der_enter(&in, DER_SEQUENCE);
    (void)der_enter(&info, DER_SEQUENCE); /* the algorithm */
    struct span bits = der_take_bits(&info);
    if (bits.length == 0 || wc_Sha256Hash(bits.data, (word32)bits.length, hash) != 0) {
        out->failed = true;
        return;
    }
    struct open_extension extension = begin_extension(out, OID_SUBJECT_KEY_ID, false);
    der_put(out, DER_OCTET_STRING, (struct span){hash, KEY_ID_BYTES});
    end_extension(out, extension);
}

static void put_authority_key_id(struct der_writer *out, const struct x509 *issuer)
{
    struct span value;
    if (!x509_extension(issuer, OID_SUBJECT_KEY_ID, &value, NULL)) return;
    struct bytes in = bytes_of(value.data, value.length);
    struct span id = der_take(&in, DER_OCTET_STRING);
    struct open_extension extension = begin_extension(out, OID_AUTHORITY_KEY_ID, false);
    size_t authority = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_CONTEXT(0), id);
    der_end(out, authority);
    end_extension(out, extension);
}

static void put_host(struct der_writer *out, const char *host)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, host, address) == 1)
        der_put(out, DER_CONTEXT(7), (struct span){address, 4});
    else if (inet_pton(AF_INET6, host, address) == 1)
        der_put(out, DER_CONTEXT(7), (struct span){address, 16});
    else
        der_put_text(out, DER_CONTEXT(2), host);
}

static void put_alternative_names(struct der_writer *out, const struct issue_request *request)
{
    if (request->names_count == 0 && request->uri == NULL) return;
    struct open_extension extension = begin_extension(out, OID_SUBJECT_ALT_NAME, false);
    size_t names = der_begin(out, DER_SEQUENCE);
    for (size_t i = 0; i < request->names_count; i++)
        put_host(out, request->names[i]);
    if (request->uri != NULL) der_put_text(out, DER_CONTEXT(6), request->uri);
    der_end(out, names);
    end_extension(out, extension);
}

static void put_extensions(struct der_writer *out, const struct issue_request *request,
                           const struct key_pair *subject, const struct x509 *issuer)
{
    size_t wrapped = der_begin(out, DER_CONTEXT_CONSTRUCTED(3));
    size_t items = der_begin(out, DER_SEQUENCE);
    put_basic_constraints(out, request);
    put_key_usage(out, request->is_ca, key_pair_kind(subject));
    put_purposes(out, request);
    put_subject_key_id(out, key_pair_spki(subject));
    if (issuer != NULL) put_authority_key_id(out, issuer);
    put_alternative_names(out, request);
    der_end(out, items);
    der_end(out, wrapped);
}

static void put_serial(struct der_writer *out)
{
    WC_RNG rng;
    uint8_t serial[ISSUE_SERIAL_BYTES];
    if (wc_InitRng(&rng) != 0) {
        out->failed = true;
        return;
    }
    if (wc_RNG_GenerateBlock(&rng, serial, sizeof serial) != 0) out->failed = true;
    (void)wc_FreeRng(&rng);                           /* fails for NULL only */
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and always as long */
    der_put_number(out, (struct span){serial, sizeof serial});
}

static void put_tbs(struct der_writer *out, const struct issue_request *request,
                    const struct key_pair *subject, const struct key_pair *signer,
                    const struct x509 *issuer)
{
    size_t tbs = der_begin(out, DER_SEQUENCE);
    size_t version = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    put_small(out, VERSION_3);
    der_end(out, version);
    put_serial(out);
    key_pair_put_algorithm(signer, out);
    if (issuer != NULL)
        der_put_raw(out, issuer->subject);
    else
        put_name(out, request);
    size_t validity = der_begin(out, DER_SEQUENCE);
    der_put_time(out, request->not_before);
    der_put_time(out, request->not_after);
    der_end(out, validity);
    put_name(out, request);
    der_put_raw(out, key_pair_spki(subject));
    put_extensions(out, request, subject, issuer);
    der_end(out, tbs);
}

/* SEQUENCE { tbs, algorithm, signature }: of certificates and CRLs alike. */
static bool put_signed(struct der_writer *out, const struct der_writer *tbs,
                       struct key_pair *signer, struct err *err)
{
    uint8_t signature[KEY_PAIR_SIGNATURE_MAX];
    size_t length = tbs->failed
                        ? 0
                        : key_pair_sign(signer, der_written(tbs), signature, sizeof signature);
    size_t object = der_begin(out, DER_SEQUENCE);
    der_put_raw(out, der_written(tbs));
    key_pair_put_algorithm(signer, out);
    der_put_bits(out, (struct span){signature, length});
    der_end(out, object);
    if (length == 0 || out->failed) return err_set(err, "it could not be signed");
    return true;
}

bool issue_is_host(const char *text)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1)
        return true;
    if (strncmp(text, "*.", 2) == 0) text += 2;
    size_t length = strlen(text);
    if (length == 0 || length > 253 || text[0] == '.' || text[0] == '-') return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
               length &&
           strstr(text, "..") == NULL;
}

static bool check_request(const struct issue_request *request, struct err *err)
{
    struct span name = span_of(request->common_name);
    if (name.length == 0 || name.length > ISSUE_NAME_MAX || !text_is_utf8(name))
        return err_set(err, "the name must be 1 to %d bytes of UTF-8", ISSUE_NAME_MAX);
    for (size_t i = 0; i < request->names_count; i++)
        if (!issue_is_host(request->names[i]))
            return err_set(err, "\"%s\" is neither a DNS name nor an IP address",
                           request->names[i]);
    if (request->uri != NULL && strchr(request->uri, ':') == NULL)
        return err_set(err, "\"%s\" is no URI: it has no scheme", request->uri);
    for (const char *c = request->uri; c != NULL && *c != 0; c++)
        if (*c <= ' ' || *c > '~')
            return err_set(err, "the URI has a character that must be percent-encoded");
    return true;
}

bool issue_certificate(struct der_writer *out, const struct issue_request *request,
                       struct key_pair *subject, const struct issue_authority *authority,
                       struct err *err)
{
    struct x509 issuer;
    struct der_writer tbs = {0};
    if (!check_request(request, err)) return false;
    if (authority != NULL && !x509_read(&issuer, authority->certificate))
        return err_set(err, "the certificate of the CA cannot be read");
    struct key_pair *signer = authority != NULL ? authority->key : subject;
    put_tbs(&tbs, request, subject, signer, authority != NULL ? &issuer : NULL);
    bool done = put_signed(out, &tbs, signer, err);
    der_writer_clear(&tbs);
    return done;
}

static void put_revoked(struct der_writer *out, const struct issue_revoked *revoked, size_t count)
{
    if (count == 0) return; /* absent then: RFC 5280, 5.1.2.6 */
    size_t list = der_begin(out, DER_SEQUENCE);
    for (size_t i = 0; i < count; i++) {
        size_t entry = der_begin(out, DER_SEQUENCE);
        der_put_number(out, revoked[i].serial);
        der_put_time(out, revoked[i].when);
        der_end(out, entry);
    }
    der_end(out, list);
}

static void put_crl_extensions(struct der_writer *out, const struct x509 *issuer, uint64_t number)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    size_t wrapped = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    size_t items = der_begin(out, DER_SEQUENCE);
    put_authority_key_id(out, issuer);
    struct open_extension extension = begin_extension(out, OID_CRL_NUMBER, false);
    der_put_number(out, (struct span){bytes, sizeof bytes});
    end_extension(out, extension);
    der_end(out, items);
    der_end(out, wrapped);
}

bool issue_crl(struct der_writer *out, const struct issue_authority *authority, uint64_t number,
               time_t this_update, time_t next_update, const struct issue_revoked *revoked,
               size_t count, struct err *err)
{
    struct x509 issuer;
    struct der_writer tbs = {0};
    if (!x509_read(&issuer, authority->certificate))
        return err_set(err, "the certificate of the CA cannot be read");
    size_t list = der_begin(&tbs, DER_SEQUENCE);
    put_small(&tbs, VERSION_2);
    key_pair_put_algorithm(authority->key, &tbs);
    der_put_raw(&tbs, issuer.subject);
    der_put_time(&tbs, this_update);
    der_put_time(&tbs, next_update);
    put_revoked(&tbs, revoked, count);
    put_crl_extensions(&tbs, &issuer, number);
    der_end(&tbs, list);
    bool done = put_signed(out, &tbs, authority->key, err);
    der_writer_clear(&tbs);
    return done;
}
