// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/crl.h"

#include <stdlib.h>
#include <string.h>

#include "certs/der.h"
#include "certs/name.h"
#include "certs/oids.h"

static struct span strip_zeros(struct span number)
{
    while (number.length > 1 && number.data[0] == 0) {
        number.data++;
        number.length--;
    }
    return number;
}

static int compare(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return memcmp(a->data, b->data, a->length);
}

/* One Extension; false: it is critical, and not understood here (RFC 5280, 5.2). */
static bool take_extension(struct bytes *in, struct span *number)
{
    struct bytes extension = der_enter(in, DER_SEQUENCE);
    struct span oid = der_take(&extension, DER_OID);
    bool critical = der_take_boolean(&extension);
    struct span value = der_take(&extension, DER_OCTET_STRING);
    if (!der_at_end(&extension)) bytes_fail(in);
    if (number != NULL && span_equal(oid, OID_CRL_NUMBER)) {
        struct bytes content = bytes_of(value.data, value.length);
        *number = der_take_number(&content);
        return true;
    }
    return !critical;
}

static bool take_extensions(struct bytes *in, struct span *number, struct err *err)
{
    struct bytes items = der_enter(in, DER_SEQUENCE);
    while (bytes_ok(&items) && !der_at_end(&items))
        if (!take_extension(&items, number))
            return err_set(err, "it has a critical extension that is not understood: delta, "
                                "indirect and partitioned CRLs are not supported");
    if (!bytes_ok(&items)) bytes_fail(in);
    return true;
}

/* Counts the entries when `out` has no list yet, else fills it. */
static bool take_revoked(struct crl *out, struct bytes entries, struct err *err)
{
    out->revoked_count = 0;
    while (bytes_ok(&entries) && !der_at_end(&entries)) {
        struct bytes entry = der_enter(&entries, DER_SEQUENCE);
        struct span serial = strip_zeros(der_take(&entry, DER_INTEGER));
        (void)der_take_time(&entry);
        if (!der_at_end(&entry) && !take_extensions(&entry, NULL, err)) return false;
        if (!der_at_end(&entry)) bytes_fail(&entries);
        if (out->revoked != NULL) out->revoked[out->revoked_count] = serial;
        out->revoked_count++;
    }
    return bytes_ok(&entries) ? true : err_set(err, "it is no CRL");
}

/* The issuer as text behind the copy of the DER. */
static bool keep_issuer_text(struct crl *out, struct bytes_writer *room)
{
    if (!name_format(room, out->issuer)) return false;
    bytes_put_u8(room, 0);
    out->issuer_text = (const char *)room->data;
    return bytes_writer_ok(room);
}

static bool read_tbs(struct crl *out, struct bytes *entries, struct err *err)
{
    uint8_t tag;
    struct bytes whole = bytes_of(out->tbs.data, out->tbs.length);
    struct bytes tbs = der_enter(&whole, DER_SEQUENCE);
    if (der_peek(&tbs) == DER_INTEGER) (void)der_take(&tbs, DER_INTEGER); /* the version */
    struct span algorithm = der_take_whole(&tbs, &tag);
    out->issuer = der_take_whole(&tbs, &tag);
    out->this_update = der_take_time(&tbs);
    if (der_peek(&tbs) == DER_UTC_TIME || der_peek(&tbs) == DER_GENERALIZED_TIME)
        out->next_update = der_take_time(&tbs);
    *entries = bytes_of(NULL, 0);
    if (der_peek(&tbs) == DER_SEQUENCE) *entries = der_enter(&tbs, DER_SEQUENCE);
    if (der_peek(&tbs) == DER_CONTEXT_CONSTRUCTED(0)) {
        struct bytes wrapped = der_enter(&tbs, DER_CONTEXT_CONSTRUCTED(0));
        if (!take_extensions(&wrapped, &out->number, err)) return false;
        if (!der_at_end(&wrapped)) bytes_fail(&tbs);
    }
    if (!der_at_end(&tbs) || !span_equal(algorithm, out->signature_algorithm))
        return err_set(err, "it is no CRL");
    return true;
}

static bool read_outer(struct crl *out, struct span der)
{
    uint8_t tag;
    struct bytes in = bytes_of(der.data, der.length);
    struct bytes list = der_enter(&in, DER_SEQUENCE);
    out->tbs = der_take_whole(&list, &tag);
    out->signature_algorithm = der_take_whole(&list, &tag);
    out->signature = der_take_bits(&list);
    return der_at_end(&in) && der_at_end(&list);
}

/* Its memory: the sorted serials, the DER, the issuer as text. */
static bool read_copy(struct crl *out, struct span copy, struct bytes_writer *room, struct err *err)
{
    struct bytes entries;
    if (!read_outer(out, copy) || !read_tbs(out, &entries, err))
        return err_set(err, "it is no CRL");
    if (!keep_issuer_text(out, room)) return err_set(err, "its issuer has no proper name");
    out->revoked = out->memory;
    if (!take_revoked(out, entries, err)) return false;
    qsort(out->revoked, out->revoked_count, sizeof *out->revoked, compare);
    return true;
}

bool crl_read(struct crl *out, struct span der, struct err *err)
{
    struct bytes entries;
    *out = (struct crl){0};
    if (!read_outer(out, der)) return err_set(err, "it is no CRL");
    if (!read_tbs(out, &entries, err) || !take_revoked(out, entries, err)) return false;

    size_t list = out->revoked_count * sizeof *out->revoked;
    size_t room = 4 * out->issuer.length + 16;
    out->memory = malloc(list + der.length + room);
    if (out->memory == NULL) return err_set(err, "out of memory");
    uint8_t *copy = (uint8_t *)out->memory + list;
    memcpy(copy, der.data, der.length);
    struct bytes_writer text = bytes_writer_of(copy + der.length, room);
    if (read_copy(out, (struct span){copy, der.length}, &text, err)) return true;
    crl_clear(out);
    return false;
}

void crl_clear(struct crl *crl)
{
    free(crl->memory);
    *crl = (struct crl){0};
}

bool crl_is_signed_by(const struct crl *crl, const struct x509 *ca)
{
    return span_equal(crl->issuer, ca->subject) &&
           x509_signature_holds(crl->tbs, crl->signature_algorithm, crl->signature, ca->spki);
}

bool crl_is_for(const struct crl *crl, const struct x509 *certificate)
{
    return span_equal(crl->issuer, certificate->issuer);
}

bool crl_revokes(const struct crl *crl, const struct x509 *certificate)
{
    return crl_is_for(crl, certificate) && crl->revoked_count > 0 &&
           bsearch(&certificate->serial, crl->revoked, crl->revoked_count, sizeof *crl->revoked,
                   compare) != NULL;
}

static const char *reason_name(uint8_t code)
{
    static const char *const names[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "not known",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
    return code < sizeof names / sizeof names[0] ? names[code] : "not known";
}

static const char *read_reason(struct bytes *entry)
{
    const char *reason = "not given";
    if (der_at_end(entry)) return reason;
    struct bytes items = der_enter(entry, DER_SEQUENCE);
    while (bytes_ok(&items) && !der_at_end(&items)) {
        struct bytes extension = der_enter(&items, DER_SEQUENCE);
        struct span oid = der_take(&extension, DER_OID);
        (void)der_take_boolean(&extension);
        struct span value = der_take(&extension, DER_OCTET_STRING);
        if (!bytes_ok(&extension) || !span_equal(oid, OID_REASON_CODE)) continue;
        struct bytes content = bytes_of(value.data, value.length);
        struct span code = der_take(&content, DER_ENUMERATED);
        if (bytes_ok(&content) && code.length == 1) reason = reason_name(code.data[0]);
    }
    return reason;
}

/* Walks the list to the entry, for only its header says where it ends. */
time_t crl_revoked_since(const struct crl *crl, const struct x509 *certificate, const char **reason)
{
    struct crl again = *crl;
    struct bytes entries;
    *reason = "not given";
    if (!read_tbs(&again, &entries, NULL)) return 0;
    while (bytes_ok(&entries) && !der_at_end(&entries)) {
        struct bytes entry = der_enter(&entries, DER_SEQUENCE);
        struct span serial = strip_zeros(der_take(&entry, DER_INTEGER));
        time_t when = der_take_time(&entry);
        if (!bytes_ok(&entry) || !span_equal(serial, certificate->serial)) continue;
        *reason = read_reason(&entry);
        return when;
    }
    return 0;
}

bool crl_is_current(const struct crl *crl, time_t now)
{
    return crl->this_update <= now && (crl->next_update == 0 || now < crl->next_update);
}
