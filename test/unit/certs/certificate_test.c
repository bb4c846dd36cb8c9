// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/certificate.h"

#include <stdlib.h>
#include <string.h>

#include "certs/chain.h"
#include "test/unit/certs/made_certificate.h"

#include "test/unit/certs/cmocka_all.h"

static struct certificate read_made(const struct made *made)
{
    struct certificate facts;
    assert_true(certificate_read(&facts, made->der.data, made->der.length));
    return facts;
}

static void tells_what_was_asked_for(void **state)
{
    (void)state;
    static const char *const names[] = {"*.a.example", "192.0.2.7", "2001:db8::1", "b.example"};
    struct issue_request request = made_request("meter-7");
    request.organization = "Example, Inc";
    request.client_auth = true;
    request.names = names;
    request.names_count = ARRAY_LENGTH(names);
    request.uri = "urn:dev:7";
    struct made made = made_certificate(&request, NULL);
    struct certificate facts = read_made(&made);
    assert_string_equal(facts.subject, "CN=meter-7,O=Example\\, Inc");
    assert_string_equal(facts.common_name, "meter-7");
    assert_int_equal(facts.san_dns.count, 2);
    assert_string_equal(facts.san_dns.items[0], "*.a.example");
    assert_string_equal(facts.san_dns.items[1], "b.example");
    assert_int_equal(facts.san_ip.count, 2);
    assert_string_equal(facts.san_ip.items[0], "192.0.2.7");
    assert_string_equal(facts.san_ip.items[1], "2001:db8::1");
    assert_int_equal(facts.san_uri.count, 1);
    assert_string_equal(facts.san_uri.items[0], "urn:dev:7");
    assert_int_equal(facts.san_email.count, 0);
    assert_int_equal(facts.not_before, request.not_before);
    assert_int_equal(facts.not_after, request.not_after);
    assert_string_equal(facts.key_name, "P-256");
    assert_int_equal(strlen(facts.serial), 2 * ISSUE_SERIAL_BYTES);
    assert_int_equal(strlen(facts.fingerprint_sha256), 64);
    assert_true(facts.client_auth);
    assert_false(facts.server_auth);
    assert_false(facts.is_ca);
    assert_true(facts.key_usage == CERTIFICATE_DIGITAL_SIGNATURE);
    certificate_clear(&facts);
    made_clear(&made);
}

static void tells_a_ca_and_who_signed_it(void **state)
{
    (void)state;
    struct issue_request request = made_request("Root");
    request.is_ca = true;
    request.path_length = 3;
    struct made root = made_certificate(&request, NULL);
    struct issue_request leaf_request = made_request("leaf");
    struct made leaf = made_certificate(&leaf_request, &root);
    struct certificate ca = read_made(&root);
    struct certificate facts = read_made(&leaf);
    assert_true(ca.is_ca);
    assert_int_equal(ca.path_length, 3);
    assert_true(ca.key_usage == (CERTIFICATE_KEY_CERT_SIGN | CERTIFICATE_CRL_SIGN));
    assert_string_equal(facts.issuer, "CN=Root");
    assert_string_equal(facts.authority_key_id, ca.subject_key_id);
    assert_true(facts.client_auth && facts.server_auth);
    assert_true(x509_is_signed_by(&leaf.parts, &root.parts));
    assert_false(x509_is_signed_by(&root.parts, &leaf.parts));
    certificate_clear(&ca);
    certificate_clear(&facts);
    made_clear(&leaf);
    made_clear(&root);
}

static void shows_control_characters_in_subjects_as_hex(void **state)
{
    (void)state;
    struct issue_request request = made_request(" a\n+b;\xc2\x9b\xc3\xa4");
    struct made made = made_certificate(&request, NULL);
    struct certificate facts = read_made(&made);
    assert_string_equal(facts.subject, "CN=\\ a\\0A\\+b\\;\\C2\\9B\xc3\xa4");
    assert_string_equal(facts.common_name, " a\n+b;\xc2\x9b\xc3\xa4");
    certificate_clear(&facts);
    made_clear(&made);
}

/* Puts another byte in place of the first `from` behind `near`. */
static void replace_behind(struct made *made, const char *near, char from, uint8_t to)
{
    uint8_t *at = memmem(made->der.data, made->der.length, near, strlen(near));
    assert_non_null(at);
    at = memchr(at, from, strlen(near) + 2);
    assert_non_null(at);
    *at = to;
}

static void refuses_an_embedded_nul_in_the_common_name(void **state)
{
    (void)state;
    struct certificate facts;
    struct issue_request request = made_request("admin#evil");
    struct made made = made_certificate(&request, NULL);
    uint8_t *second = memmem(made.der.data, made.der.length, "admin#evil", 10);
    replace_behind(&made, "admin#evil", '#', 0); /* in the issuer */
    second = memmem(second + 1, (size_t)(made.der.data + made.der.length - second - 1),
                    "admin#evil", 10);
    assert_non_null(second);
    second[5] = 0; /* in the subject */
    assert_false(certificate_read(&facts, made.der.data, made.der.length));
    made_clear(&made);
}

static void refuses_an_embedded_nul_in_the_alternative_names(void **state)
{
    (void)state;
    static const char *const names[] = {"good-evil.example"};
    struct certificate facts;
    struct issue_request request = made_request("x");
    request.names = names;
    request.names_count = 1;
    struct made made = made_certificate(&request, NULL);
    replace_behind(&made, "good-evil.example", '-', 0);
    assert_false(certificate_read(&facts, made.der.data, made.der.length));
    made_clear(&made);
}

static void has_no_common_name_when_it_is_no_text(void **state)
{
    (void)state;
    struct issue_request request = made_request("admin");
    struct made made = made_certificate(&request, NULL);
    uint8_t *first = memmem(made.der.data, made.der.length, "admin", 5);
    assert_non_null(first);
    uint8_t *second = memmem(first + 1, (size_t)(made.der.data + made.der.length - first - 1),
                             "admin", 5);
    assert_non_null(second);
    second[1] = 0xff; /* in the subject: UTF-8 no more */
    struct certificate facts = read_made(&made);
    assert_string_equal(facts.common_name, "");
    assert_string_equal(facts.subject, "CN=#0C0561FF6D696E");
    certificate_clear(&facts);
    made_clear(&made);
}

/* For the sanitizers: nothing outside the copy may be read, whatever the bytes are. */
static void survives_every_cut_and_every_changed_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"a.example", "192.0.2.7"};
    struct issue_request request = made_request("meter-7");
    request.names = names;
    request.names_count = 2;
    request.is_ca = true;
    request.path_length = 0;
    struct made made = made_certificate(&request, NULL);
    for (size_t i = 0; i < made.der.length; i++) {
        struct certificate facts;
        uint8_t *copy = malloc(made.der.length);
        assert_non_null(copy);
        memcpy(copy, made.der.data, i);
        uint8_t *cut = realloc(copy, i == 0 ? 1 : i);
        assert_non_null(cut);
        assert_false(certificate_read(&facts, cut, i));
        free(cut);
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t kept = made.der.data[i];
            made.der.data[i] = (uint8_t)(kept ^ 1U << bit);
            if (certificate_read(&facts, made.der.data, made.der.length)) certificate_clear(&facts);
            made.der.data[i] = kept;
        }
    }
    made_clear(&made);
}

static void refuses_a_changed_signature(void **state)
{
    (void)state;
    struct issue_request request = made_request("Root");
    struct made root = made_certificate(&request, NULL);
    assert_true(x509_is_signed_by(&root.parts, &root.parts));
    root.der.data[root.der.length - 1] ^= 1;
    assert_false(x509_is_signed_by(&root.parts, &root.parts));
    made_clear(&root);
}

static void follows_issuers_in_any_order(void **state)
{
    (void)state;
    struct issue_request request = made_request("Root");
    request.is_ca = true;
    struct made root = made_certificate(&request, NULL);
    request.common_name = "Intermediate";
    struct made intermediate = made_certificate(&request, &root);
    request = made_request("leaf");
    struct made leaf = made_certificate(&request, &intermediate);
    struct chain chain;

    const struct x509 right[] = {leaf.parts, intermediate.parts};
    chain_follow(&chain, right, 2);
    assert_true(chain.ordered && chain.length == 2 && !chain.ends_in_root && chain.unrelated == 0);

    const struct x509 wrong[] = {leaf.parts, root.parts, intermediate.parts};
    chain_follow(&chain, wrong, 3);
    assert_true(!chain.ordered && chain.length == 3 && chain.ends_in_root);
    assert_int_equal(chain.path[1], 2);

    const struct x509 gap[] = {leaf.parts, root.parts};
    chain_follow(&chain, gap, 2);
    assert_true(chain.length == 1 && !chain.ends_in_root && chain.unrelated == 1);
    made_clear(&leaf);
    made_clear(&intermediate);
    made_clear(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_was_asked_for),
        cmocka_unit_test(tells_a_ca_and_who_signed_it),
        cmocka_unit_test(shows_control_characters_in_subjects_as_hex),
        cmocka_unit_test(refuses_an_embedded_nul_in_the_common_name),
        cmocka_unit_test(refuses_an_embedded_nul_in_the_alternative_names),
        cmocka_unit_test(has_no_common_name_when_it_is_no_text),
        cmocka_unit_test(survives_every_cut_and_every_changed_byte),
        cmocka_unit_test(refuses_a_changed_signature),
        cmocka_unit_test(follows_issuers_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
