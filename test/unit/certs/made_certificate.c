// SPDX-License-Identifier: GPL-3.0-or-later
#include "test/unit/certs/made_certificate.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs/pem.h"
#include "test/unit/certs/cmocka_all.h"

struct issue_request made_request(const char *common_name)
{
    time_t now = time(NULL);
    return (struct issue_request){.common_name = common_name,
                                  .path_length = -1,
                                  .not_before = now - 60,
                                  .not_after = now + 3600};
}

struct issue_authority made_authority(const struct made *made)
{
    return (struct issue_authority){made->parts.der, made->key};
}

struct made made_certificate(const struct issue_request *request, const struct made *issuer)
{
    struct err err;
    struct made made = {0};
    struct issue_authority authority;
    if (issuer != NULL) authority = made_authority(issuer);
    made.key = key_pair_generate(CERTIFICATE_KEY_ECDSA, &err);
    assert_non_null(made.key);
    assert_true(
        issue_certificate(&made.der, request, made.key, issuer == NULL ? NULL : &authority, &err));
    assert_true(x509_read(&made.parts, der_written(&made.der)));
    return made;
}

void made_clear(struct made *made)
{
    key_pair_free(made->key);
    der_writer_clear(&made->der);
}

struct temporary temporary_make(void)
{
    struct temporary folder = {"/tmp/postern-certs-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static int on_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

void temporary_remove(const struct temporary *folder)
{
    assert_int_equal(nftw(folder->path, on_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *temporary_file(const struct temporary *folder, const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, PATH_MAX, "%s/%s", folder->path, name);
    return path;
}

void temporary_write_chain(const char *path, const struct made *const *chain, size_t count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        size_t length;
        char *text = pem_encode("CERTIFICATE", chain[i]->parts.der, &length);
        assert_non_null(text);
        assert_int_equal(fwrite(text, 1, length, file), length);
        free(text);
    }
    assert_int_equal(fclose(file), 0);
}

void temporary_write_key(const char *path, const struct made *made)
{
    size_t length;
    FILE *file = fopen(path, "w");
    char *text = key_pair_encode(made->key, &length);
    assert_non_null(file);
    assert_non_null(text);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    free(text);
}
