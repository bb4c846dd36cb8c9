// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/key_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/pem.h"
#include "certs/x509.h"
#include "test/unit/certs/made_certificate.h"

#include "test/unit/certs/cmocka_all.h"

static const enum certificate_key kinds[] = {CERTIFICATE_KEY_ECDSA, CERTIFICATE_KEY_RSA,
                                             CERTIFICATE_KEY_ED25519};

static void loads_what_it_encodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        struct pem pem;
        struct err err;
        size_t length;
        struct key_pair *made = key_pair_generate(kinds[i], &err);
        assert_non_null(made);
        char *text = key_pair_encode(made, &length);
        assert_non_null(text);
        assert_true(pem_read(&pem, (struct span){(uint8_t *)text, length}, &err));
        struct key_pair *read = key_pair_read(pem.blocks[0].der);
        assert_non_null(read);
        assert_int_equal(key_pair_kind(read), kinds[i]);
        assert_true(key_pair_matches(made, key_pair_spki(read)));
        free(text);
        pem_clear(&pem);
        key_pair_free(read);
        key_pair_free(made);
    }
}

static void signs_what_its_public_half_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        struct err err;
        uint8_t signature[KEY_PAIR_SIGNATURE_MAX];
        struct der_writer algorithm = {0};
        struct key_pair *pair = key_pair_generate(kinds[i], &err);
        size_t length = key_pair_sign(pair, span_of("text"), signature, sizeof signature);
        assert_true(length > 0);
        key_pair_put_algorithm(pair, &algorithm);
        struct span signed_by = {signature, length};
        assert_true(x509_signature_holds(span_of("text"), der_written(&algorithm), signed_by,
                                         key_pair_spki(pair)));
        assert_false(x509_signature_holds(span_of("tent"), der_written(&algorithm), signed_by,
                                          key_pair_spki(pair)));
        der_writer_clear(&algorithm);
        key_pair_free(pair);
    }
}

static void does_not_match_another_key(void **state)
{
    (void)state;
    struct err err;
    struct key_pair *a = key_pair_generate(CERTIFICATE_KEY_ECDSA, &err);
    struct key_pair *b = key_pair_generate(CERTIFICATE_KEY_ECDSA, &err);
    assert_false(key_pair_matches(a, key_pair_spki(b)));
    assert_false(key_pair_matches(a, (struct span){NULL, 0}));
    key_pair_free(a);
    key_pair_free(b);
}

static void says_why_a_file_is_no_key(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
         "encrypted"                                                                                           },
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",                     "no private key"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",                     "cannot be read"},
    };
    struct temporary folder = temporary_make();
    const char *path = temporary_file(&folder, "a.key");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct err err;
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(cases[i].text, file) >= 0 && fclose(file) == 0);
        assert_null(key_pair_load(path, &err));
        assert_non_null(strstr(err.text, cases[i].reason));
        assert_non_null(strstr(err.text, path));
    }
    temporary_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_what_it_encodes),
        cmocka_unit_test(signs_what_its_public_half_verifies),
        cmocka_unit_test(does_not_match_another_key),
        cmocka_unit_test(says_why_a_file_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
