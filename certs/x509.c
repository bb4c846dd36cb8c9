// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/x509.h"

#include "certs/der.h"

static struct span strip_zeros(struct span number)
{
    while (number.length > 1 && number.data[0] == 0) {
        number.data++;
        number.length--;
    }
    return number;
}

static struct span take_extensions(struct bytes *tbs)
{
    uint8_t tag;
    while (!der_at_end(tbs) && bytes_ok(tbs)) {
        if (der_peek(tbs) != DER_CONTEXT_CONSTRUCTED(3)) {
            (void)der_take_whole(tbs, &tag); /* the unique identifiers of 1993 */
            continue;
        }
        struct bytes wrapped = der_enter(tbs, DER_CONTEXT_CONSTRUCTED(3));
        struct span items = der_take(&wrapped, DER_SEQUENCE);
        if (!der_at_end(&wrapped)) bytes_fail(tbs);
        return items;
    }
    return (struct span){NULL, 0};
}

static bool read_tbs(struct x509 *out)
{
    uint8_t tag;
    struct bytes whole = bytes_of(out->tbs.data, out->tbs.length);
    struct bytes tbs = der_enter(&whole, DER_SEQUENCE);
    if (der_peek(&tbs) == DER_CONTEXT_CONSTRUCTED(0))
        (void)der_enter(&tbs, DER_CONTEXT_CONSTRUCTED(0)); /* the version */
    out->serial = strip_zeros(der_take(&tbs, DER_INTEGER));
    struct span algorithm = der_take_whole(&tbs, &tag);
    out->issuer = der_take_whole(&tbs, &tag);
    struct bytes validity = der_enter(&tbs, DER_SEQUENCE);
    out->not_before = der_take_time(&validity);
    out->not_after = der_take_time(&validity);
    out->subject = der_take_whole(&tbs, &tag);
    out->spki = der_take_whole(&tbs, &tag);
    out->extensions = take_extensions(&tbs);
    return der_at_end(&tbs) && der_at_end(&validity) && out->serial.length > 0 &&
           span_equal(algorithm, out->signature_algorithm); /* RFC 5280, 4.1.1.2 */
}

bool x509_read(struct x509 *out, struct span der)
{
    uint8_t tag;
    struct bytes in = bytes_of(der.data, der.length);
    *out = (struct x509){.der = der};
    struct bytes certificate = der_enter(&in, DER_SEQUENCE);
    out->tbs = der_take_whole(&certificate, &tag);
    out->signature_algorithm = der_take_whole(&certificate, &tag);
    out->signature = der_take_bits(&certificate);
    return der_at_end(&in) && der_at_end(&certificate) && read_tbs(out);
}

bool x509_extension(const struct x509 *certificate, struct span oid, struct span *value,
                    bool *critical)
{
    struct bytes in = bytes_of(certificate->extensions.data, certificate->extensions.length);
    while (bytes_ok(&in) && !der_at_end(&in)) {
        struct bytes extension = der_enter(&in, DER_SEQUENCE);
        struct span id = der_take(&extension, DER_OID);
        bool is_critical = der_take_boolean(&extension);
        struct span content = der_take(&extension, DER_OCTET_STRING);
        if (!der_at_end(&extension)) return false;
        if (!span_equal(id, oid)) continue;
        *value = content;
        if (critical != NULL) *critical = is_critical;
        return true;
    }
    return false;
}

bool x509_is_self_issued(const struct x509 *certificate)
{
    return span_equal(certificate->issuer, certificate->subject);
}

bool x509_is_signed_by(const struct x509 *certificate, const struct x509 *issuer)
{
    return span_equal(certificate->issuer, issuer->subject) &&
           x509_signature_holds(certificate->tbs, certificate->signature_algorithm,
                                certificate->signature, issuer->spki);
}
