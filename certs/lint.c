// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/lint.h"

#include "certs/crl.h"
#include "certs/key_pair.h"
#include "certs/lint_report.h"

static void lint_match(struct lint *lint, const struct lint_file *file, const char *key_path)
{
    struct err err;
    struct key_pair *key = key_pair_load(key_path, &err);
    if (key == NULL) {
        lint_error(lint, "%s", err.text);
        return;
    }
    size_t owner = 0;
    while (owner < file->count && !key_pair_matches(key, file->parts[owner].spki))
        owner++;
    key_pair_free(key);
    if (owner == 0) return;
    if (owner < file->count)
        lint_error(lint, "%s: the key belongs to certificate %zu of %s, \"%s\": put that one first",
                   key_path, owner + 1, file->path, file->facts[owner].subject);
    else
        lint_error(lint, "%s: the key does not belong to \"%s\" in %s: name the key that does",
                   key_path, file->facts[0].subject, file->path);
}

static void lint_leaf(struct lint *lint, const char *path, const struct certificate *leaf)
{
    size_t names = leaf->san_dns.count + leaf->san_ip.count;
    lint_dates(lint, path, "the certificate", leaf);
    lint_key(lint, path, leaf);
    if (leaf->is_ca)
        lint_warning(lint,
                     "%s: \"%s\" is a CA's certificate: use one that it issued for this server",
                     path, leaf->subject);
    if (names == 0)
        lint_warning(lint,
                     "%s: \"%s\" names no server (no DNS name or address in its SAN): clients that "
                     "check the name refuse it",
                     path, leaf->subject);
    if (!leaf->server_auth)
        lint_warning(lint,
                     "%s: \"%s\" is not meant for servers (its extended key usage lacks "
                     "serverAuth): clients refuse it",
                     path, leaf->subject);
}

size_t certs_lint_server(const char *certificate_path, const char *key_path, lint_found_fn found,
                         void *arg)
{
    struct lint_file file;
    struct lint lint = lint_start(found, arg);
    if (!lint_file_load(&file, &lint, certificate_path)) return lint.errors;
    lint_match(&lint, &file, key_path);
    lint_leaf(&lint, certificate_path, &file.facts[0]);
    lint_chain(&lint, &file);
    lint_file_clear(&file);
    return lint.errors;
}

size_t certs_lint_client_ca(const char *path, lint_found_fn found, void *arg)
{
    struct lint_file file;
    size_t authorities = 0;
    struct lint lint = lint_start(found, arg);
    if (!lint_file_load(&file, &lint, path)) return lint.errors;
    for (size_t i = 0; i < file.count; i++)
        authorities += file.facts[i].is_ca;
    if (authorities == 0)
        lint_error(&lint,
                   "%s: there is no CA in it, \"%s\" is none: name the certificate of the CA that "
                   "issues to clients",
                   path, file.facts[0].subject);
    for (size_t i = 0; i < file.count; i++) {
        const struct certificate *facts = &file.facts[i];
        if (authorities > 0 && !facts->is_ca)
            lint_warning(&lint, "%s: \"%s\" is no CA: remove it", path, facts->subject);
        if (!facts->is_ca) continue;
        lint_dates(&lint, path, "the CA", facts);
        lint_key(&lint, path, facts);
        if (facts->has_key_usage && !(facts->key_usage & CERTIFICATE_KEY_CERT_SIGN))
            lint_warning(&lint, "%s: \"%s\" may not sign certificates by its key usage", path,
                         facts->subject);
    }
    lint_file_clear(&file);
    return lint.errors;
}

/* The CA must be in its file, and the signature its own. */
static void lint_crl_issuer(struct lint *lint, const char *path, const struct crl *crl,
                            const struct lint_file *authorities)
{
    bool known = false;
    for (size_t i = 0; i < authorities->count; i++) {
        if (crl_is_signed_by(crl, &authorities->parts[i])) return;
        known = known || span_equal(crl->issuer, authorities->parts[i].subject);
    }
    if (known)
        lint_error(lint,
                   "%s: the signature of the CRL of \"%s\" is wrong: get it from the CA again",
                   path, crl->issuer_text);
    else
        lint_error(lint,
                   "%s: the CRL of \"%s\" is signed by no CA in %s, so nobody vouches for it: add "
                   "that CA, or leave the CRL out",
                   path, crl->issuer_text, authorities->path);
}

static void lint_crl_dates(struct lint *lint, const char *path, const struct crl *crl)
{
    if (crl->this_update > lint->now)
        lint_warning(lint, "%s: the CRL of \"%s\" begins in %s: check the clock", path,
                     crl->issuer_text, lint_duration(crl->this_update - lint->now));
    else if (crl->next_update != 0 && crl->next_update <= lint->now)
        lint_warning(lint,
                     "%s: the CRL of \"%s\" has been outdated for %s: get a new one; with "
                     "crl_policy: require all clients of this CA are refused",
                     path, crl->issuer_text, lint_duration(lint->now - crl->next_update));
}

static void lint_crls(struct lint *lint, const char *path, const struct pem *pem,
                      const struct lint_file *authorities)
{
    size_t count = pem_count(pem, PEM_CRL);
    if (count == 0) lint_error(lint, "%s: there is no CRL in it (-----BEGIN X509 CRL-----)", path);
    for (size_t i = 0; i < count; i++) {
        struct crl crl;
        struct err err;
        if (!crl_read(&crl, pem_find(pem, PEM_CRL, i)->der, &err)) {
            lint_error(lint, "%s: CRL %zu: %s", path, i + 1, err.text);
            continue;
        }
        lint_crl_dates(lint, path, &crl);
        if (authorities->count > 0) lint_crl_issuer(lint, path, &crl, authorities);
        crl_clear(&crl);
    }
}

size_t certs_lint_crl(const char *path, const char *ca_path, lint_found_fn found, void *arg)
{
    struct pem pem;
    struct err err;
    struct lint_file authorities = {0};
    struct lint lint = lint_start(found, arg);
    if (!pem_load(&pem, path, &err)) {
        lint_error(&lint, "%s", err.text);
        return lint.errors;
    }
    /* What is wrong with the file of the CAs is certs_lint_client_ca's to say. */
    bool known = ca_path != NULL && lint_file_try(&authorities, ca_path);
    lint_crls(&lint, path, &pem, &authorities);
    if (known) lint_file_clear(&authorities);
    pem_clear(&pem);
    return lint.errors;
}
