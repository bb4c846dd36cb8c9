// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/pki.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/certificate.h"
#include "certs/crl.h"
#include "certs/pem.h"
#include "certs/pki_files.h"

enum {
    DAY_S = 86400,
    CA_DAYS = 3650,
    CRL_DAYS = 365,
    BACKDATED_S = 300, /* clocks of clients are a little off */
    KEY_MODE = 0600,
    FILE_MODE = 0644
};

static const char ORGANIZATION[] = "Postern Development";
static const char ROOT_CA[] = "root-ca";
static const char INTERMEDIATE_CA[] = "intermediate-ca";

/* A CA of the folder. */
struct authority {
    struct pem pem;
    struct issue_authority issue;
    struct x509 parts;
};

static void authority_clear(struct authority *authority)
{
    key_pair_free(authority->issue.key);
    pem_clear(&authority->pem);
    authority->issue.key = NULL;
}

static bool authority_load(struct authority *out, const char *folder, const char *name,
                           struct err *err)
{
    struct pki_path certificate;
    struct pki_path key;
    *out = (struct authority){0};
    if (!pki_path(&certificate, err, folder, name, ".pem")) return false;
    char private[ISSUE_NAME_MAX];
    (void)snprintf(private, sizeof private, "private/%s", name); /* fits: there are two names */
    if (!pki_path(&key, err, folder, private, ".key")) return false;
    if (!pem_load(&out->pem, certificate.text, err)) return false;
    const struct pem_block *block = pem_find(&out->pem, PEM_CERTIFICATE, 0);
    if (block != NULL && x509_read(&out->parts, block->der)) {
        out->issue.certificate = block->der;
        out->issue.key = key_pair_load(key.text, err);
        if (out->issue.key != NULL) return true;
    } else {
        err_set(err, "%s: there is no certificate in it", certificate.text);
    }
    authority_clear(out);
    return false;
}

/* Appends to `text`, which grows. */
static bool append_pem(struct der_writer *text, const char *label, struct span der)
{
    size_t length;
    char *pem = pem_encode(label, der, &length);
    if (pem == NULL) return false;
    der_put_raw(text, (struct span){(const uint8_t *)pem, length});
    free(pem);
    return !text->failed;
}

static bool write_key(const char *path, struct key_pair *key, struct err *err)
{
    size_t length;
    char *text = key_pair_encode(key, &length);
    if (text == NULL) return err_set(err, "%s: the key cannot be encoded", path);
    bool done = pki_write(path, text, length, KEY_MODE, err);
    explicit_bzero(text, length);
    free(text);
    return done;
}

/* NAME.pem with `der`, and `issuer` behind it unless that is empty; NAME.key at `key_name`. */
static bool write_pair(const char *folder, const char *name, const char *key_name, struct span der,
                       struct span issuer, struct key_pair *key, struct err *err)
{
    struct pki_path path;
    struct pki_path key_path;
    struct der_writer text = {0};
    if (!pki_path(&path, err, folder, name, ".pem") ||
        !pki_path(&key_path, err, folder, key_name, ".key"))
        return false;
    bool done = append_pem(&text, "CERTIFICATE", der) &&
                (issuer.length == 0 || append_pem(&text, "CERTIFICATE", issuer));
    if (!done) err_set(err, "out of memory");
    done = done && write_key(key_path.text, key, err) &&
           pki_write(path.text, text.data, text.length, FILE_MODE, err);
    der_writer_clear(&text);
    return done;
}

static bool make_authority(const char *folder, const char *name, const char *common_name,
                           const struct authority *issuer, time_t not_after, struct err *err)
{
    struct der_writer der = {0};
    char key_name[ISSUE_NAME_MAX];
    struct issue_request request = {.common_name = common_name,
                                    .organization = ORGANIZATION,
                                    .is_ca = true,
                                    .path_length = issuer == NULL ? 1 : 0,
                                    .not_before = time(NULL) - BACKDATED_S,
                                    .not_after = not_after};
    (void)snprintf(key_name, sizeof key_name, "private/%s", name); /* fits: there are two names */
    struct key_pair *key = key_pair_generate(CERTIFICATE_KEY_ECDSA, err);
    bool done =
        key != NULL &&
        issue_certificate(&der, &request, key, issuer == NULL ? NULL : &issuer->issue, err) &&
        write_pair(folder, name, key_name, der_written(&der), (struct span){NULL, 0}, key, err);
    key_pair_free(key);
    der_writer_clear(&der);
    return done;
}

static bool note_issued(const char *folder, const char *name, struct span der, struct err *err)
{
    struct x509 parts;
    struct pki_index index;
    struct pki_entry entry = {0};
    if (!x509_read(&parts, der) || parts.serial.length != sizeof entry.serial)
        return err_set(err, "the new certificate cannot be read");
    memcpy(entry.serial, parts.serial.data, sizeof entry.serial);
    entry.not_after = parts.not_after;
    (void)snprintf(entry.name, sizeof entry.name, "%s", name); /* fits: it is a common name */
    if (!pki_index_load(&index, folder, err)) return false;
    bool done = pki_index_add(&index, &entry, err) && pki_index_save(&index, err);
    pki_index_clear(&index);
    return done;
}

/* A name is a file's name too, and may not be that of a CA. */
static bool check_name(const char *name, struct err *err)
{
    static const char *const reserved[] = {"root-ca", "intermediate-ca", "ca"};
    size_t length = strlen(name);
    if (length == 0 || length > ISSUE_NAME_MAX)
        return err_set(err, "a name has 1 to %d bytes", ISSUE_NAME_MAX);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == '/' || name[i] == 0x7f)
            return err_set(err, "the name is a file's name too: it must not have a slash or a "
                                "control character");
    if (name[0] == '.') return err_set(err, "the name must not begin with a dot");
    for (size_t i = 0; i < ARRAY_LENGTH(reserved); i++)
        if (strcmp(reserved[i], name) == 0)
            return err_set(err, "\"%s\" is the name of a CA's file: choose another one", name);
    return true;
}

/* Who renews a certificate writes over the old one; nobody means to put a client's in the place of
 * a server's, whose file has that name. */
static bool check_kind(const char *folder, const char *name, bool for_server, struct err *err)
{
    struct pem pem;
    struct pki_path path;
    struct certificate old;
    if (!pki_path(&path, err, folder, name, ".pem")) return false;
    if (access(path.text, F_OK) != 0 || !pem_load(&pem, path.text, NULL)) return true;
    const struct pem_block *block = pem_find(&pem, PEM_CERTIFICATE, 0);
    bool read = block != NULL && certificate_read(&old, block->der.data, block->der.length);
    bool same = !read || (for_server ? old.server_auth : old.client_auth);
    if (read) certificate_clear(&old);
    pem_clear(&pem);
    return same || err_set(err, "%s is the certificate of a %s: choose another name", path.text,
                           for_server ? "client" : "server");
}

/* `name` is the file's and the index's; the request has the rest. */
static bool issue_leaf(const char *folder, const char *name, struct issue_request *request,
                       const struct pki_options *options, struct err *err)
{
    struct authority issuer;
    struct der_writer der = {0};
    if (!check_name(name, err) || !check_kind(folder, name, request->server_auth, err) ||
        !authority_load(&issuer, folder, INTERMEDIATE_CA, err))
        return false;
    request->path_length = -1;
    request->not_before = time(NULL) - BACKDATED_S;
    request->not_after = time(NULL) + (time_t)options->days * DAY_S;
    if (request->not_after > issuer.parts.not_after) request->not_after = issuer.parts.not_after;
    struct key_pair *key = key_pair_generate(options->key, err);
    bool done = key != NULL && issue_certificate(&der, request, key, &issuer.issue, err) &&
                note_issued(folder, name, der_written(&der), err) &&
                write_pair(folder, name, name, der_written(&der), issuer.issue.certificate, key,
                           err);
    key_pair_free(key);
    der_writer_clear(&der);
    authority_clear(&issuer);
    return done;
}

bool pki_issue_client(const char *folder, const char *name, const char *uri,
                      const struct pki_options *options, struct err *err)
{
    struct issue_request request = {.common_name = name, .client_auth = true, .uri = uri};
    return issue_leaf(folder, name, &request, options, err);
}

/* A common name has room for 64 bytes; a DNS name may be longer and is in the SAN anyway. */
static bool issue_to_server(const char *folder, const char *file, const char *const *names,
                            size_t count, const struct pki_options *options, struct err *err)
{
    const char *common_name = strlen(names[0]) <= ISSUE_NAME_MAX ? names[0] : file;
    struct issue_request request = {
        .common_name = common_name, .server_auth = true, .names = names, .names_count = count};
    return issue_leaf(folder, file, &request, options, err);
}

bool pki_issue_server(const char *folder, const char *name, const struct pki_options *options,
                      struct err *err)
{
    if (!issue_is_host(name))
        return err_set(err, "\"%s\" is neither a DNS name nor an IP address", name);
    return issue_to_server(folder, name, &name, 1, options, err);
}

static bool make_folder(const char *path, mode_t mode, struct err *err)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST) return true;
    return err_set(err, "cannot make the folder %s: %s", path, strerror(errno));
}

static bool make_folders(const char *folder, struct err *err)
{
    static const char *const taken[] = {"root-ca.pem", "intermediate-ca.pem", "private/root-ca.key",
                                        "private/intermediate-ca.key"};
    struct pki_path path;
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
        if (!pki_path(&path, err, folder, taken[i], "")) return false;
        if (access(path.text, F_OK) == 0)
            return err_set(err,
                           "%s is there: a CA is never overwritten; choose another folder, or "
                           "move the old PKI away",
                           path.text);
    }
    return pki_path(&path, err, folder, "private", "") && make_folder(folder, 0755, err) &&
           make_folder(path.text, 0700, err);
}

/* ca.pem: root and intermediate. */
static bool write_trust(const char *folder, const struct authority *root,
                        const struct authority *intermediate, struct err *err)
{
    struct pki_path path;
    struct der_writer text = {0};
    if (!pki_path(&path, err, folder, "ca", ".pem")) return false;
    bool done = append_pem(&text, "CERTIFICATE", root->issue.certificate) &&
                append_pem(&text, "CERTIFICATE", intermediate->issue.certificate);
    done = done ? pki_write(path.text, text.data, text.length, FILE_MODE, err)
                : err_set(err, "out of memory");
    der_writer_clear(&text);
    return done;
}

static bool make_authorities(const char *folder, unsigned days, struct err *err)
{
    struct authority root;
    struct authority intermediate;
    time_t last = time(NULL) + (time_t)(days > CA_DAYS ? days : CA_DAYS) * DAY_S;
    if (!make_authority(folder, ROOT_CA, "Postern Development Root CA", NULL, last, err) ||
        !authority_load(&root, folder, ROOT_CA, err))
        return false;
    bool done = make_authority(folder, INTERMEDIATE_CA, "Postern Development Intermediate CA",
                               &root, last, err) &&
                authority_load(&intermediate, folder, INTERMEDIATE_CA, err);
    if (done) {
        done = write_trust(folder, &root, &intermediate, err);
        authority_clear(&intermediate);
    }
    authority_clear(&root);
    return done;
}

bool pki_init(const char *folder, const char *const *names, size_t count,
              const struct pki_options *options, struct err *err)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "::1"};
    for (size_t i = 0; i < count; i++)
        if (!issue_is_host(names[i]))
            return err_set(err, "\"%s\" is neither a DNS name nor an IP address", names[i]);
    if (count == 0) {
        names = local;
        count = ARRAY_LENGTH(local);
    }
    return make_folders(folder, err) && make_authorities(folder, options->days, err) &&
           issue_to_server(folder, "broker", names, count, options, err) &&
           pki_issue_client(folder, "client", NULL, options, err) && pki_renew_crl(folder, err);
}

/* A number greater than that of every CRL in the file, which grows with time even without it. */
static uint64_t next_number(const char *path)
{
    struct pem pem;
    uint64_t number = (uint64_t)time(NULL);
    if (!pem_load(&pem, path, NULL)) return number;
    for (size_t i = 0; i < pem_count(&pem, PEM_CRL); i++) {
        struct crl crl;
        uint64_t last = 0;
        if (!crl_read(&crl, pem_find(&pem, PEM_CRL, i)->der, NULL)) continue;
        for (size_t at = 0; at < crl.number.length && at < 8; at++)
            last = last << 8 | crl.number.data[at];
        if (last >= number) number = last + 1;
        crl_clear(&crl);
    }
    pem_clear(&pem);
    return number;
}

static bool append_crl(struct der_writer *text, const char *folder, const char *name,
                       uint64_t number, const struct pki_index *index, struct err *err)
{
    struct authority authority;
    struct der_writer der = {0};
    size_t count = 0;
    time_t now = time(NULL);
    if (!authority_load(&authority, folder, name, err)) return false;
    size_t entries = index == NULL ? 0 : index->count;
    struct issue_revoked *revoked = calloc(entries + 1, sizeof *revoked);
    for (size_t i = 0; revoked != NULL && i < entries; i++) {
        const struct pki_entry *entry = &index->entries[i];
        if (entry->revoked == 0 || entry->not_after < now) continue;
        revoked[count++] = (struct issue_revoked){
            {entry->serial, sizeof entry->serial},
            entry->revoked
        };
    }
    bool done = revoked == NULL ? err_set(err, "out of memory")
                                : issue_crl(&der, &authority.issue, number, now - BACKDATED_S,
                                            now + (time_t)CRL_DAYS * DAY_S, revoked, count, err);
    if (done && !append_pem(text, "X509 CRL", der_written(&der)))
        done = err_set(err, "out of memory");
    free(revoked);
    der_writer_clear(&der);
    authority_clear(&authority);
    return done;
}

/* The index is held locked, so that two of us do not write the same number. */
static bool write_crls(const char *folder, const struct pki_index *index, struct err *err)
{
    struct pki_path path;
    struct der_writer text = {0};
    if (!pki_path(&path, err, folder, "ca", ".crl")) return false;
    uint64_t number = next_number(path.text);
    bool done = append_crl(&text, folder, ROOT_CA, number, NULL, err) &&
                append_crl(&text, folder, INTERMEDIATE_CA, number, index, err) &&
                pki_write(path.text, text.data, text.length, FILE_MODE, err);
    der_writer_clear(&text);
    return done;
}

bool pki_renew_crl(const char *folder, struct err *err)
{
    struct pki_index index;
    if (!pki_index_load(&index, folder, err)) return false;
    bool done = write_crls(folder, &index, err);
    pki_index_clear(&index);
    return done;
}

bool pki_revoke(const char *folder, const char *name, struct err *err)
{
    struct pki_index index;
    bool issued = false;
    if (!pki_index_load(&index, folder, err)) return false;
    for (size_t i = 0; i < index.count; i++) {
        if (strcmp(index.entries[i].name, name) != 0) continue;
        issued = true;
        if (index.entries[i].revoked == 0) index.entries[i].revoked = time(NULL);
    }
    bool done = issued ? pki_index_save(&index, err) && write_crls(folder, &index, err)
                       : err_set(err, "no certificate was issued to \"%s\" in %s", name, folder);
    pki_index_clear(&index);
    return done;
}
