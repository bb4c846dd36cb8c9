// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/pem.h"

#include <stdlib.h>
#include <string.h>

#include "test/unit/certs/cmocka_all.h"

static void reads_what_it_encodes_at_every_length(void **state)
{
    (void)state;
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 1);
    for (size_t length = 1; length < sizeof data; length++) {
        struct pem pem;
        struct err err;
        size_t text_length;
        char *text = pem_encode("CERTIFICATE", (struct span){data, length}, &text_length);
        assert_int_equal(strlen(text), text_length);
        assert_true(pem_read(&pem, span_of(text), &err));
        assert_int_equal(pem.count, 1);
        assert_int_equal(pem.blocks[0].kind, PEM_CERTIFICATE);
        assert_true(span_equal(pem.blocks[0].der, (struct span){data, length}));
        pem_clear(&pem);
        free(text);
    }
}

static void skips_text_around_blocks_and_tells_kinds(void **state)
{
    (void)state;
    struct pem pem;
    struct err err;
    static const char text[] =
        "subject=a: b\n-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\n"
        "noise -----BEGIN X509 CRL-----\nAQID\nBA==\n-----END X509 CRL-----\n"
        "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n"
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    assert_true(pem_read(&pem, span_of(text), &err));
    assert_int_equal(pem.count, 4);
    assert_int_equal(pem_count(&pem, PEM_CERTIFICATE), 1);
    assert_int_equal(pem_find(&pem, PEM_CRL, 0)->der.length, 4);
    assert_string_equal(pem.blocks[2].label, "EC PARAMETERS");
    assert_null(pem_find(&pem, PEM_PRIVATE_KEY, 1));
    assert_true(span_is(pem.content, text));
    pem_clear(&pem);
}

static void tells_encrypted_keys(void **state)
{
    (void)state;
    struct pem pem;
    struct err err;
    static const char text[] = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                               "DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    assert_true(pem_read(&pem, span_of(text), &err));
    assert_int_equal(pem.blocks[0].kind, PEM_ENCRYPTED_KEY);
    pem_clear(&pem);
}

static void refuses_broken_files_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"",                                                                   "no PEM block"},
        {"hello",                                                              "no PEM block"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n",                                "cut off"     },
        {"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",      "base64"      },
        {"-----BEGIN CERTIFICATE-----\nA!AA\n-----END CERTIFICATE-----\n",     "base64"      },
        {"-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----\n",     "base64"      },
        {"-----BEGIN CERTIFICATE-----\nAA==AAAA\n-----END CERTIFICATE-----\n", "base64"      },
        {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",           "base64"      },
        {"-----BEGIN \n",                                                      "BEGIN line"  },
        {"-----BEGIN X509 CRL--------END X509 CRL-----\n",                     "cut off"     },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct pem pem;
        struct err err;
        assert_false(pem_read(&pem, span_of(cases[i].text), &err));
        assert_non_null(strstr(err.text, cases[i].reason));
    }
}

static void names_a_file_that_is_not_there(void **state)
{
    (void)state;
    struct pem pem;
    struct err err;
    assert_false(pem_load(&pem, "/nowhere/a.pem", &err));
    assert_non_null(strstr(err.text, "/nowhere/a.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_encodes_at_every_length),
        cmocka_unit_test(skips_text_around_blocks_and_tells_kinds),
        cmocka_unit_test(tells_encrypted_keys),
        cmocka_unit_test(refuses_broken_files_with_a_reason),
        cmocka_unit_test(names_a_file_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
