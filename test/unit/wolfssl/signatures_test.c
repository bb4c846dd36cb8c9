// SPDX-License-Identifier: GPL-3.0-or-later
/* A signature that was found right is not computed again, and nothing else passes because of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "test/unit/certs/made_certificate.h"

#include "certs/wolfcrypt.h"

#include <wolfssl/ssl.h>

static struct made root;
static struct made leaf;

static int make(void **state)
{
    (void)state;
    struct issue_request request = made_request("Root");
    request.is_ca = true;
    request.path_length = -1;
    root = made_certificate(&request, NULL);
    request = made_request("device");
    request.client_auth = true;
    leaf = made_certificate(&request, &root);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    made_clear(&leaf);
    made_clear(&root);
    return 0;
}

/* What wolfSSL says of the certificate when it trusts the CA. */
static int verify(const struct made *ca, struct span certificate)
{
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
    assert_non_null(manager);
    assert_int_equal(wolfSSL_CertManagerLoadCABuffer(manager, ca->parts.der.data,
                                                     (long)ca->parts.der.length,
                                                     WOLFSSL_FILETYPE_ASN1),
                     WOLFSSL_SUCCESS);
    int result = wolfSSL_CertManagerVerifyBuffer(manager, certificate.data,
                                                 (long)certificate.length, WOLFSSL_FILETYPE_ASN1);
    wolfSSL_CertManagerFree(manager);
    return result;
}

static void verifies_the_same_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(verify(&root, leaf.parts.der), WOLFSSL_SUCCESS);
}

struct question {
    struct span certificate;
    int answer;
};

/* In a thread of its own, which has found nothing right yet. */
static void *ask_stranger(void *arg)
{
    struct question *question = arg;
    question->answer = verify(&root, question->certificate);
    return NULL;
}

/* Whatever byte of the certificate is another one: who has found the right one right says of it
 * what somebody says who never saw either. */
static void believes_no_changed_certificate(void **state)
{
    (void)state;
    uint8_t changed[2048];
    struct span der = leaf.parts.der;
    size_t refused = 0;
    assert_true(der.length <= sizeof changed);
    for (size_t i = 0; i < der.length; i++) {
        pthread_t thread;
        memcpy(changed, der.data, der.length);
        changed[i] ^= 1;
        struct question question = {
            {changed, der.length},
            0
        };
        assert_int_equal(pthread_create(&thread, NULL, ask_stranger, &question), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(verify(&root, der), WOLFSSL_SUCCESS);
        assert_int_equal(verify(&root, question.certificate), question.answer);
        refused += question.answer != WOLFSSL_SUCCESS;
    }
    /* wolfSSL overlooks a few bytes of the structure around what is signed. */
    assert_true(refused + 8 >= der.length);
}

/* The same names, another key. */
static void believes_it_of_no_other_ca(void **state)
{
    (void)state;
    struct issue_request request = made_request("Root");
    request.is_ca = true;
    request.path_length = -1;
    struct made other = made_certificate(&request, NULL);
    assert_int_equal(verify(&root, leaf.parts.der), WOLFSSL_SUCCESS);
    assert_int_not_equal(verify(&other, leaf.parts.der), WOLFSSL_SUCCESS);
    made_clear(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_the_same_again),
        cmocka_unit_test(believes_no_changed_certificate),
        cmocka_unit_test(believes_it_of_no_other_ca),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
