// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/certs_show.h"

#include <stdlib.h>

#include "base/text.h"
#include "certs/certificate.h"
#include "certs/chain.h"
#include "certs/crl.h"
#include "certs/key_pair.h"
#include "certs/pem.h"

static void print_time(FILE *out, const char *label, time_t when)
{
    char text[32] = "?";
    struct tm tm;
    if (gmtime_r(&when, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm); /* "?" stays otherwise */
    (void)fprintf(out, "  %-20s %s\n", label, text);
}

/* What others wrote into the certificate is escaped, so that it cannot play with the terminal. */
static void print_text(FILE *out, const char *label, const char *text)
{
    char escaped[4096];
    if (*text == 0) return;
    (void)text_escape(escaped, sizeof escaped, span_of(text)); /* long ones are cut */
    (void)fprintf(out, "  %-20s %s\n", label, escaped);
}

/* Distinguished names come escaped. */
static void print_distinguished(FILE *out, const char *label, const char *name)
{
    (void)fprintf(out, "  %-20s %s\n", label, name);
}

static void print_names(FILE *out, const char *label, struct certificate_names names)
{
    for (size_t i = 0; i < names.count; i++)
        print_text(out, label, names.items[i]);
}

static void print_purposes(FILE *out, const struct certificate *facts)
{
    if (facts->is_ca && facts->path_length >= 0)
        (void)fprintf(out, "  %-20s yes, path length %d\n", "CA", facts->path_length);
    else
        (void)fprintf(out, "  %-20s %s\n", "CA", facts->is_ca ? "yes" : "no");
    if (facts->has_extended_key_usage)
        (void)fprintf(out, "  %-20s%s%s%s\n", "for", facts->server_auth ? " servers" : "",
                      facts->client_auth ? " clients" : "",
                      facts->server_auth || facts->client_auth ? ""
                                                               : " neither TLS servers nor "
                                                                 "clients");
}

static bool print_certificate(FILE *out, struct span der)
{
    struct certificate facts;
    if (!certificate_read(&facts, der.data, der.length)) return false;
    time_t now = time(NULL);
    print_distinguished(out, "subject", facts.subject);
    print_distinguished(out, "issuer", facts.issuer);
    print_text(out, "serial", facts.serial);
    print_time(out, "not before", facts.not_before);
    print_time(out, "not after", facts.not_after);
    if (now >= facts.not_after || now < facts.not_before)
        (void)fprintf(out, "  %-20s %s\n", "in force",
                      now >= facts.not_after ? "no: expired" : "no: not yet");
    (void)fprintf(out, "  %-20s %s, %u bits\n", "key", facts.key_name, facts.key_bits);
    print_names(out, "DNS name", facts.san_dns);
    print_names(out, "IP address", facts.san_ip);
    print_names(out, "URI", facts.san_uri);
    print_names(out, "e-mail", facts.san_email);
    print_purposes(out, &facts);
    print_text(out, "subject key id", facts.subject_key_id);
    print_text(out, "authority key id", facts.authority_key_id);
    print_text(out, "fingerprint sha256", facts.fingerprint_sha256);
    print_text(out, "spki sha256", facts.spki_sha256);
    certificate_clear(&facts);
    return true;
}

static bool print_crl(FILE *out, struct span der, struct err *err)
{
    struct crl crl;
    if (!crl_read(&crl, der, err)) return false;
    print_distinguished(out, "issuer", crl.issuer_text);
    print_time(out, "this update", crl.this_update);
    if (crl.next_update != 0) print_time(out, "next update", crl.next_update);
    if (!crl_is_current(&crl, time(NULL)))
        (void)fprintf(out, "  %-20s no: outdated, or not yet\n", "in force");
    (void)fprintf(out, "  %-20s %zu\n", "revoked", crl.revoked_count);
    for (size_t i = 0; i < crl.revoked_count; i++) {
        char serial[2 * 64 + 1];
        if (crl.revoked[i].length > 64) continue; /* no CA gives such a number: RFC 5280 has 20 */
        text_hex(serial, crl.revoked[i]);
        print_text(out, "serial", serial);
    }
    crl_clear(&crl);
    return true;
}

static bool print_key(FILE *out, struct span der)
{
    static const char *const kinds[] = {[CERTIFICATE_KEY_OTHER] = "other",
                                        [CERTIFICATE_KEY_RSA] = "RSA",
                                        [CERTIFICATE_KEY_ECDSA] = "ECDSA",
                                        [CERTIFICATE_KEY_ED25519] = "Ed25519"};
    struct key_pair *key = key_pair_read(der);
    if (key == NULL) return false;
    (void)fprintf(out, "  %-20s %s (hidden)\n", "key", kinds[key_pair_kind(key)]);
    key_pair_free(key);
    return true;
}

static bool print_block(FILE *out, const struct pem_block *block, struct err *err)
{
    switch (block->kind) {
    case PEM_CERTIFICATE:
        (void)fprintf(out, "certificate\n");
        return print_certificate(out, block->der) ? true
                                                  : err_set(err, "a certificate cannot be read");
    case PEM_CRL:
        (void)fprintf(out, "CRL\n");
        return print_crl(out, block->der, err);
    case PEM_PRIVATE_KEY:
        (void)fprintf(out, "private key\n");
        return print_key(out, block->der) ? true : err_set(err, "a private key cannot be read");
    case PEM_ENCRYPTED_KEY:
        (void)fprintf(out, "private key\n  %-20s encrypted\n", "key");
        return true;
    case PEM_OTHER:
        break;
    }
    (void)fprintf(out, "%s (not shown)\n", block->label);
    return true;
}

/* Who signed whom, when there is more than one. */
static void print_chain(FILE *out, const struct pem *pem)
{
    struct x509 parts[CHAIN_MAX];
    size_t count = pem_count(pem, PEM_CERTIFICATE);
    if (count < 2 || count > CHAIN_MAX) return;
    for (size_t i = 0; i < count; i++)
        if (!x509_read(&parts[i], pem_find(pem, PEM_CERTIFICATE, i)->der)) return;
    (void)fprintf(out, "chain\n");
    for (size_t i = 0; i < count; i++) {
        size_t issuer = chain_issuer_of(&parts[i], parts, count);
        if (issuer == count)
            (void)fprintf(out, "  certificate %zu is signed by none in this file\n", i + 1);
        else
            (void)fprintf(out, "  certificate %zu is signed by certificate %zu\n", i + 1,
                          issuer + 1);
    }
}

bool certs_show(FILE *out, const char *path, struct err *err)
{
    struct pem pem;
    if (!pem_load(&pem, path, err)) return false;
    bool done = true;
    for (size_t i = 0; i < pem.count && done; i++)
        done = print_block(out, &pem.blocks[i], err);
    if (done) print_chain(out, &pem);
    if (!done) err_prefix(err, "%s", path);
    pem_clear(&pem);
    return done;
}
