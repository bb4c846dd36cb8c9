// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/ocsp.h"

#include <string.h>

#include "base/text.h"
#include "certs/certificate.h"
#include "certs/der.h"
#include "certs/oids.h"
#include "certs/wolfcrypt.h"

#include <wolfssl/wolfcrypt/sha.h>

enum { SHA1_BYTES = 20, LONGEST_SERIAL = 64, CLOCK_SKEW_S = 300 };
enum { RESPONSE_SUCCESSFUL = 0 };

#define OID_SHA1           OID(0x2b, 0x0e, 0x03, 0x02, 0x1a)
#define OID_OCSP_BASIC     OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01)
#define OID_OCSP           OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01)
#define OID_OCSP_SIGNING   OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09)
#define OID_AUTHORITY_INFO OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01)
#define OID_TLS_FEATURE    OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18)

/* What names a certificate in OCSP (RFC 6960, 4.1.1). */
struct certificate_id {
    uint8_t name[SHA1_BYTES];
    uint8_t key[SHA1_BYTES];
    struct span serial;
};

static bool sha1(uint8_t out[SHA1_BYTES], struct span in)
{
    return wc_ShaHash(in.data, (word32)in.length, out) == 0;
}

/* The bits of the key without their header, which is what is hashed. */
static struct span key_bits(const struct x509 *certificate)
{
    uint8_t tag = 0;
    struct bytes in = bytes_of(certificate->spki.data, certificate->spki.length);
    struct bytes info = der_enter(&in, DER_SEQUENCE);
    (void)der_take_whole(&info, &tag);
    return der_take_bits(&info);
}

static bool identify(struct certificate_id *out, const struct x509 *certificate,
                     const struct x509 *issuer)
{
    out->serial = certificate->serial;
    return sha1(out->name, certificate->issuer) && sha1(out->key, key_bits(issuer));
}

/* ---------------------------------------------------------------------------------------- request
 */

size_t ocsp_request_encode(uint8_t room[OCSP_REQUEST_ROOM], const struct x509 *certificate,
                           const struct x509 *issuer)
{
    struct certificate_id id;
    struct der_writer out = {0};
    size_t length = 0;
    if (certificate->serial.length > LONGEST_SERIAL || !identify(&id, certificate, issuer))
        return 0;
    size_t whole = der_begin(&out, DER_SEQUENCE);
    size_t tbs = der_begin(&out, DER_SEQUENCE);
    size_t list = der_begin(&out, DER_SEQUENCE);
    size_t request = der_begin(&out, DER_SEQUENCE);
    size_t named = der_begin(&out, DER_SEQUENCE);
    size_t algorithm = der_begin(&out, DER_SEQUENCE);
    der_put(&out, DER_OID, OID_SHA1);
    der_put(&out, DER_NULL, (struct span){NULL, 0});
    der_end(&out, algorithm);
    der_put(&out, DER_OCTET_STRING, (struct span){id.name, SHA1_BYTES});
    der_put(&out, DER_OCTET_STRING, (struct span){id.key, SHA1_BYTES});
    der_put_number(&out, id.serial);
    der_end(&out, named);
    der_end(&out, request);
    der_end(&out, list);
    der_end(&out, tbs);
    der_end(&out, whole);
    struct span written = der_written(&out);
    if (!out.failed && written.length <= OCSP_REQUEST_ROOM) {
        memcpy(room, written.data, written.length);
        length = written.length;
    }
    der_writer_clear(&out);
    return length;
}

/* --------------------------------------------------------------------------------------- response
 */

struct basic {
    struct span tbs;
    struct span algorithm;
    struct span signature;
    struct bytes responses;
    struct span certificates; /* content of [0], or empty */
};

static bool take_basic(struct basic *out, struct span der)
{
    uint8_t tag = 0;
    struct bytes in = bytes_of(der.data, der.length);
    struct bytes basic = der_enter(&in, DER_SEQUENCE);
    out->tbs = der_take_whole(&basic, &tag);
    out->algorithm = der_take_whole(&basic, &tag);
    out->signature = der_take_bits(&basic);
    out->certificates = (struct span){NULL, 0};
    if (der_peek(&basic) == DER_CONTEXT_CONSTRUCTED(0)) {
        struct bytes wrapped = der_enter(&basic, DER_CONTEXT_CONSTRUCTED(0));
        out->certificates = der_take(&wrapped, DER_SEQUENCE);
    }
    if (!der_at_end(&basic) || !bytes_ok(&in)) return false;
    struct bytes whole = bytes_of(out->tbs.data, out->tbs.length);
    struct bytes data = der_enter(&whole, DER_SEQUENCE);
    if (der_peek(&data) == DER_CONTEXT_CONSTRUCTED(0))
        (void)der_enter(&data, DER_CONTEXT_CONSTRUCTED(0)); /* the version */
    (void)der_take_whole(&data, &tag);                      /* the responder's name or key */
    (void)der_take_time(&data);                             /* produced at */
    out->responses = der_enter(&data, DER_SEQUENCE);
    return bytes_ok(&data);
}

/* OCSPResponse: its status, and the basic response inside. */
static bool open_response(struct basic *out, struct span response, struct err *err)
{
    struct bytes in = bytes_of(response.data, response.length);
    struct bytes outer = der_enter(&in, DER_SEQUENCE);
    struct span status = der_take(&outer, DER_ENUMERATED);
    if (!bytes_ok(&outer) || status.length != 1) return err_set(err, "it is no OCSP response");
    if (status.data[0] != RESPONSE_SUCCESSFUL)
        return err_set(err, "the responder refuses to answer (status %u)", status.data[0]);
    struct bytes wrapped = der_enter(&outer, DER_CONTEXT_CONSTRUCTED(0));
    struct bytes typed = der_enter(&wrapped, DER_SEQUENCE);
    struct span type = der_take(&typed, DER_OID);
    struct span basic = der_take(&typed, DER_OCTET_STRING);
    if (!bytes_ok(&typed) || !span_equal(type, OID_OCSP_BASIC) || !take_basic(out, basic))
        return err_set(err, "it is no basic OCSP response");
    return true;
}

static bool is_about(struct bytes *single, const struct certificate_id *id)
{
    struct bytes named = der_enter(single, DER_SEQUENCE);
    struct bytes algorithm = der_enter(&named, DER_SEQUENCE);
    struct span hash = der_take(&algorithm, DER_OID);
    struct span name = der_take(&named, DER_OCTET_STRING);
    struct span key = der_take(&named, DER_OCTET_STRING);
    struct span serial = der_take(&named, DER_INTEGER);
    while (serial.length > 1 && serial.data[0] == 0) {
        serial.data++;
        serial.length--;
    }
    return bytes_ok(&named) && span_equal(hash, OID_SHA1) &&
           span_equal(name, (struct span){id->name, SHA1_BYTES}) &&
           span_equal(key, (struct span){id->key, SHA1_BYTES}) && span_equal(serial, id->serial);
}

static bool read_state(struct ocsp_answer *out, struct bytes *single)
{
    uint8_t tag = der_peek(single);
    out->state = OCSP_UNKNOWN;
    if (tag == DER_CONTEXT(0)) {
        (void)der_take(single, tag);
        out->state = OCSP_GOOD;
    } else if (tag == DER_CONTEXT_CONSTRUCTED(1)) {
        struct bytes revoked = der_enter(single, tag);
        out->state = OCSP_REVOKED;
        out->revoked_at = der_take_time(&revoked);
        if (!bytes_ok(&revoked)) bytes_fail(single);
    } else {
        (void)der_take(single, tag);
    }
    out->this_update = der_take_time(single);
    if (der_peek(single) == DER_CONTEXT_CONSTRUCTED(0)) {
        struct bytes wrapped = der_enter(single, DER_CONTEXT_CONSTRUCTED(0));
        out->next_update = der_take_time(&wrapped);
        if (!bytes_ok(&wrapped)) bytes_fail(single);
    }
    return bytes_ok(single);
}

static bool find_answer(struct ocsp_answer *out, struct basic *basic,
                        const struct certificate_id *id, struct err *err)
{
    while (bytes_ok(&basic->responses) && !der_at_end(&basic->responses)) {
        struct bytes single = der_enter(&basic->responses, DER_SEQUENCE);
        if (!is_about(&single, id)) continue;
        return read_state(out, &single) || err_set(err, "it is no OCSP response");
    }
    return err_set(err, "it is about another certificate");
}

/* A certificate that the issuer gave to a responder (RFC 6960, 4.2.2.2). */
static bool is_delegate(const struct x509 *candidate, const struct x509 *issuer, time_t now)
{
    struct span value = {NULL, 0};
    if (!x509_is_signed_by(candidate, issuer) || now < candidate->not_before ||
        now >= candidate->not_after ||
        !x509_extension(candidate, OID_EXTENDED_KEY_USAGE, &value, NULL))
        return false;
    struct bytes in = bytes_of(value.data, value.length);
    struct bytes purposes = der_enter(&in, DER_SEQUENCE);
    bool found = false;
    while (bytes_ok(&purposes) && !der_at_end(&purposes)) {
        struct span purpose = der_take(&purposes, DER_OID);
        found = found || span_equal(purpose, OID_OCSP_SIGNING);
    }
    return found && bytes_ok(&purposes);
}

static bool is_signed(const struct basic *basic, const struct x509 *issuer, time_t now)
{
    uint8_t tag = 0;
    struct bytes sent = bytes_of(basic->certificates.data, basic->certificates.length);
    if (x509_signature_holds(basic->tbs, basic->algorithm, basic->signature, issuer->spki))
        return true;
    while (bytes_ok(&sent) && bytes_left(&sent) > 0) {
        struct x509 candidate;
        struct span der = der_take_whole(&sent, &tag);
        if (bytes_ok(&sent) && x509_read(&candidate, der) && is_delegate(&candidate, issuer, now) &&
            x509_signature_holds(basic->tbs, basic->algorithm, basic->signature, candidate.spki))
            return true;
    }
    return false;
}

bool ocsp_response_read(struct ocsp_answer *out, struct span response,
                        const struct x509 *certificate, const struct x509 *issuer, time_t now,
                        struct err *err)
{
    struct basic basic = {
        .tbs = {NULL, 0}
    };
    struct certificate_id id;
    char span[TEXT_DURATION_ROOM];
    *out = (struct ocsp_answer){.state = OCSP_UNKNOWN};
    if (!identify(&id, certificate, issuer)) return err_set(err, "out of memory");
    if (!open_response(&basic, response, err) || !find_answer(out, &basic, &id, err)) return false;
    if (!is_signed(&basic, issuer, now))
        return err_set(err, "neither the certificate's issuer nor a responder of its signed it");
    if (out->this_update > now + CLOCK_SKEW_S)
        return err_set(err, "it begins in %s: compare the clocks",
                       text_duration(span, out->this_update - now));
    if (out->next_update != 0 && out->next_update <= now)
        return err_set(err, "it is outdated since %s", text_duration(span, now - out->next_update));
    return true;
}

/* -------------------------------------------------------------------------------------- extensions
 */

bool ocsp_responder_of(const struct x509 *certificate, char url[OCSP_URL_ROOM])
{
    struct span value;
    if (!x509_extension(certificate, OID_AUTHORITY_INFO, &value, NULL)) return false;
    struct bytes in = bytes_of(value.data, value.length);
    struct bytes items = der_enter(&in, DER_SEQUENCE);
    while (bytes_ok(&items) && !der_at_end(&items)) {
        struct bytes item = der_enter(&items, DER_SEQUENCE);
        struct span method = der_take(&item, DER_OID);
        uint8_t tag = der_peek(&item);
        struct span where = der_take(&item, tag);
        if (!bytes_ok(&item) || !span_equal(method, OID_OCSP) || tag != 0x86) continue;
        if (where.length < 8 || where.length >= OCSP_URL_ROOM ||
            memcmp(where.data, "http://", 7) != 0 || memchr(where.data, 0, where.length) != NULL)
            continue;
        memcpy(url, where.data, where.length);
        url[where.length] = '\0';
        return true;
    }
    return false;
}

bool ocsp_must_staple(const struct x509 *certificate)
{
    enum { STATUS_REQUEST = 5 };
    struct span value;
    if (!x509_extension(certificate, OID_TLS_FEATURE, &value, NULL)) return false;
    struct bytes in = bytes_of(value.data, value.length);
    struct bytes features = der_enter(&in, DER_SEQUENCE);
    while (bytes_ok(&features) && !der_at_end(&features)) {
        struct span feature = der_take_number(&features);
        if (feature.length == 1 && feature.data[0] == STATUS_REQUEST) return true;
    }
    return false;
}
