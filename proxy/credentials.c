// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/credentials.h"

#include <string.h>

#include "certs/crl.h"
#include "certs/pem.h"

static void clear_file(struct credential_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        certificate_clear(&file->items[i]);
    free(file->items);
}

/* What cannot be read is left out: whoever serves by it has judged it already. */
static bool load_file(struct credential_file *file, const char *path, struct err *err)
{
    struct pem pem;
    file->path = path;
    if (!pem_load(&pem, path, err)) return false;
    size_t there = pem_count(&pem, PEM_CERTIFICATE);
    file->items = calloc(there + 1, sizeof *file->items);
    for (size_t i = 0; file->items != NULL && i < there; i++) {
        struct span der = pem_find(&pem, PEM_CERTIFICATE, i)->der;
        file->count += certificate_read(&file->items[file->count], der.data, der.length);
    }
    pem_clear(&pem);
    return file->items != NULL || err_set(err, "out of memory");
}

static bool add_crl(struct credentials *credentials, const char *path, struct span der,
                    struct err *err)
{
    struct crl crl;
    assert(credentials->crls != NULL); /* there is room for it */
    if (!crl_read(&crl, der, err)) return err_prefix(err, "%s", path);
    struct credential_crl *kept = &credentials->crls[credentials->crls_count];
    *kept = (struct credential_crl){.path = path,
                                    .issuer = strdup(crl.issuer_text),
                                    .this_update = crl.this_update,
                                    .next_update = crl.next_update,
                                    .revoked = crl.revoked_count};
    crl_clear(&crl);
    if (kept->issuer == NULL) return err_set(err, "out of memory");
    credentials->crls_count++;
    return true;
}

static bool load_crls_of(struct credentials *credentials, const char *path, struct err *err)
{
    struct pem pem;
    if (!pem_load(&pem, path, err)) return false;
    size_t there = pem_count(&pem, PEM_CRL);
    struct credential_crl *grown = reallocarray(credentials->crls,
                                                credentials->crls_count + there + 1, sizeof *grown);
    bool good = grown != NULL || err_set(err, "out of memory");
    if (grown != NULL) credentials->crls = grown;
    for (size_t i = 0; good && i < there; i++)
        good = add_crl(credentials, path, pem_find(&pem, PEM_CRL, i)->der, err);
    pem_clear(&pem);
    return good;
}

static bool load(struct credentials *credentials, const struct config_tls *config, struct err *err)
{
    bool good = true;
    bool asks = config->client_certificate != CONFIG_CLIENT_CERTIFICATE_NONE;
    credentials->chains = calloc(config->certificates_count + 1, sizeof *credentials->chains);
    if (credentials->chains == NULL) return err_set(err, "out of memory");
    for (size_t i = 0; good && i < config->certificates_count; i++) {
        credentials->chains_count = i + 1;
        good = load_file(&credentials->chains[i], config->certificates[i].certificate, err);
    }
    if (asks && config->client_ca != NULL)
        good = good && load_file(&credentials->authorities, config->client_ca, err);
    for (size_t i = 0; good && asks && i < config->client_crl.count; i++)
        good = load_crls_of(credentials, config->client_crl.items[i], err);
    return good;
}

struct credentials *credentials_new(const struct config_tls *config, struct err *err)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);
    if (credentials == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (load(credentials, config, err)) return credentials;
    credentials_free(credentials);
    return NULL;
}

void credentials_free(struct credentials *credentials)
{
    if (credentials == NULL) return;
    for (size_t i = 0; i < credentials->chains_count; i++)
        clear_file(&credentials->chains[i]);
    clear_file(&credentials->authorities);
    for (size_t i = 0; i < credentials->crls_count; i++)
        free(credentials->crls[i].issuer);
    free(credentials->crls);
    free(credentials->chains);
    free(credentials);
}
