// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/pki.h"

#include <string.h>
#include <sys/stat.h>

#include "certs/crl.h"
#include "certs/lint.h"
#include "certs/pem.h"
#include "test/unit/certs/made_certificate.h"

#include "test/unit/certs/cmocka_all.h"

static const struct pki_options options = {30, CERTIFICATE_KEY_ECDSA};

static struct pem load(const struct temporary *folder, const char *name)
{
    struct pem pem;
    struct err err;
    assert_true(pem_load(&pem, temporary_file(folder, name), &err));
    return pem;
}

static void on_finding(void *arg, enum lint_severity severity, const char *text)
{
    (void)arg;
    if (severity != LINT_WARNING) fail_msg("%s", text);
}

static void makes_files_that_lint_has_no_error_for(void **state)
{
    (void)state;
    struct err err;
    struct stat status;
    struct temporary folder = temporary_make();
    static const char *const keys[] = {"broker.key", "client.key", "private/root-ca.key",
                                       "private/intermediate-ca.key", "private/index.txt"};
    assert_true(pki_init(folder.path, NULL, 0, &options, &err));
    (void)certs_lint_server(temporary_file(&folder, "broker.pem"),
                            temporary_file(&folder, "broker.key"), on_finding, NULL);
    (void)certs_lint_client_ca(temporary_file(&folder, "ca.pem"), on_finding, NULL);
    (void)certs_lint_crl(temporary_file(&folder, "ca.crl"), temporary_file(&folder, "ca.pem"),
                         on_finding, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        assert_int_equal(stat(temporary_file(&folder, keys[i]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    temporary_remove(&folder);
}

static void never_overwrites_a_ca(void **state)
{
    (void)state;
    struct err err;
    struct temporary folder = temporary_make();
    assert_true(pki_init(folder.path, NULL, 0, &options, &err));
    struct pem before = load(&folder, "root-ca.pem");
    assert_false(pki_init(folder.path, NULL, 0, &options, &err));
    assert_non_null(strstr(err.text, "never overwritten"));
    struct pem after = load(&folder, "root-ca.pem");
    assert_true(span_equal(before.content, after.content));
    pem_clear(&before);
    pem_clear(&after);
    temporary_remove(&folder);
}

static void revokes_every_certificate_of_a_name(void **state)
{
    (void)state;
    struct err err;
    struct temporary folder = temporary_make();
    assert_true(pki_init(folder.path, NULL, 0, &options, &err));
    assert_true(pki_issue_client(folder.path, "meter-7", NULL, &options, &err));
    struct pem first = load(&folder, "meter-7.pem");
    assert_true(pki_issue_client(folder.path, "meter-7", "urn:dev:7", &options, &err));
    struct pem second = load(&folder, "meter-7.pem");
    struct pem before = load(&folder, "ca.crl");
    assert_true(pki_revoke(folder.path, "meter-7", &err));
    struct pem after = load(&folder, "ca.crl");

    struct crl old;
    struct crl crl;
    struct x509 a;
    struct x509 b;
    assert_true(crl_read(&old, before.blocks[1].der, &err));
    assert_true(crl_read(&crl, after.blocks[1].der, &err));
    assert_true(x509_read(&a, first.blocks[0].der) && x509_read(&b, second.blocks[0].der));
    assert_true(crl_revokes(&crl, &a) && crl_revokes(&crl, &b));
    assert_int_equal(crl.revoked_count, 2);
    assert_int_equal(old.number.length, crl.number.length);
    assert_true(memcmp(crl.number.data, old.number.data, crl.number.length) > 0);
    crl_clear(&old);
    crl_clear(&crl);
    pem_clear(&first);
    pem_clear(&second);
    pem_clear(&before);
    pem_clear(&after);
    temporary_remove(&folder);
}

static void refuses_names_that_are_no_file_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", ".", "..", "../x", "a/b", "root-ca", "ca", "intermediate-ca", "a\nb"};
    struct err err;
    struct temporary folder = temporary_make();
    assert_true(pki_init(folder.path, NULL, 0, &options, &err));
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_false(pki_issue_client(folder.path, names[i], NULL, &options, &err));
    assert_false(pki_issue_server(folder.path, "not a host", &options, &err));
    assert_false(pki_revoke(folder.path, "nobody", &err));
    temporary_remove(&folder);
}

static void says_where_there_is_no_pki(void **state)
{
    (void)state;
    struct err err;
    struct temporary folder = temporary_make();
    assert_false(pki_issue_client(folder.path, "a", NULL, &options, &err));
    assert_false(pki_revoke(folder.path, "a", &err));
    assert_non_null(strstr(err.text, "postern certs init"));
    temporary_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_files_that_lint_has_no_error_for),
        cmocka_unit_test(never_overwrites_a_ca),
        cmocka_unit_test(revokes_every_certificate_of_a_name),
        cmocka_unit_test(refuses_names_that_are_no_file_names),
        cmocka_unit_test(says_where_there_is_no_pki),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
