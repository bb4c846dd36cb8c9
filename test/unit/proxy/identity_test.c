// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs/certificate.h"

static const char *const dns[] = {"meter-7.example", "m7"};
static const char *const uri[] = {"urn:dev:mac:0024befffe804ff1"};

static const char *const usages[] = {"clientAuth", "1.3.6.1.4.1.311.20.2.2"};

static const struct lineage lineage[] = {
    {"number of leaf.", "key of the leaf"},
    {"number of CA...", "key of the CA.."},
};

static const struct identity_certificate meter = {
    .subject = "CN=meter-7,O=Example",
    .issuer = "CN=Example CA",
    .common_name = "meter-7",
    .serial = "0a1b2c",
    .fingerprint_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    .spki_sha256 = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    .key = "RSA",
    .key_bits = 2048,
    .signature_algorithm = "RSA-SHA256",
    .usages = usages,
    .usages_count = 2,
    .lineage = lineage,
    .lineage_count = 2,
    .san_dns = dns,
    .san_uri = uri,
    .san_dns_count = 2,
    .san_uri_count = 1,
    .not_before = 1700000000,
    .not_after = 4102444800,
};

static void same_list(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++)
        assert_string_equal(a[i], b[i]);
}

static void same(const struct identity_certificate *a, const struct identity_certificate *b)
{
    assert_non_null(a);
    assert_string_equal(a->subject, b->subject);
    assert_string_equal(a->issuer, b->issuer);
    assert_string_equal(a->common_name, b->common_name);
    assert_string_equal(a->serial, b->serial);
    assert_string_equal(a->fingerprint_sha256, b->fingerprint_sha256);
    assert_string_equal(a->spki_sha256, b->spki_sha256);
    assert_string_equal(a->key, b->key);
    assert_int_equal(a->key_bits, b->key_bits);
    assert_string_equal(a->signature_algorithm, b->signature_algorithm);
    assert_int_equal(a->lineage_count, b->lineage_count);
    assert_memory_equal(a->lineage, b->lineage, a->lineage_count * sizeof *a->lineage);
    same_list(a->usages, a->usages_count, b->usages, b->usages_count);
    same_list(a->san_dns, a->san_dns_count, b->san_dns, b->san_dns_count);
    same_list(a->san_uri, a->san_uri_count, b->san_uri, b->san_uri_count);
    same_list(a->san_email, a->san_email_count, b->san_email, b->san_email_count);
    assert_int_equal(a->not_before, b->not_before);
    assert_int_equal(a->not_after, b->not_after);
}

static void keeps_what_a_certificate_says(void **state)
{
    struct certificate certificate = {
        .subject = meter.subject,
        .issuer = meter.issuer,
        .common_name = meter.common_name,
        .serial = meter.serial,
        .key_name = meter.key,
        .key_bits = meter.key_bits,
        .signature_algorithm = meter.signature_algorithm,
        .extended_key_usage = {usages, 2},
        .san_dns = {dns,    2},
        .san_uri = {uri,    1},
        .not_before = meter.not_before,
        .not_after = meter.not_after
    };
    (void)state;
    strcpy(certificate.fingerprint_sha256, meter.fingerprint_sha256);
    strcpy(certificate.spki_sha256, meter.spki_sha256);
    struct identity_certificate *kept = identity_certificate_new(&certificate, lineage, 2);
    memset(&certificate, 0, sizeof certificate);
    same(kept, &meter);
    free(kept);
}

static void copies_into_one_block(void **state)
{
    (void)state;
    struct identity_certificate *copy = identity_certificate_copy(&meter);
    same(copy, &meter);
    struct identity_certificate *again = identity_certificate_copy(copy);
    free(copy);
    same(again, &meter);
    free(again);
}

static void decodes_what_it_encoded(void **state)
{
    uint8_t buffer[IDENTITY_LARGEST_ENCODED + 8] = "before";
    struct bytes_writer out = bytes_writer_of(buffer, sizeof buffer);
    (void)state;
    out.length = 6;
    assert_true(identity_certificate_encode(&out, &meter));
    struct bytes in = bytes_of(buffer + 6, out.length - 6);
    struct identity_certificate *decoded = identity_certificate_decode(&in);
    assert_int_equal(bytes_left(&in), 0);
    memset(buffer, 0, sizeof buffer);
    same(decoded, &meter);
    free(decoded);
}

static void decodes_no_prefix(void **state)
{
    uint8_t buffer[IDENTITY_LARGEST_ENCODED];
    struct bytes_writer out = bytes_writer_of(buffer, sizeof buffer);
    (void)state;
    assert_true(identity_certificate_encode(&out, &meter));
    for (size_t length = 0; length < out.length; length++) {
        uint8_t *prefix = malloc(length + 1);
        memcpy(prefix, buffer, length);
        prefix = realloc(prefix, length == 0 ? 1 : length);
        struct bytes in = bytes_of(prefix, length);
        assert_null(identity_certificate_decode(&in));
        free(prefix);
    }
}

static void survives_every_wrong_byte(void **state)
{
    uint8_t buffer[IDENTITY_LARGEST_ENCODED];
    struct bytes_writer out = bytes_writer_of(buffer, sizeof buffer);
    (void)state;
    assert_true(identity_certificate_encode(&out, &meter));
    for (size_t at = 0; at < out.length; at++) {
        uint8_t right = buffer[at];
        for (unsigned wrong = 0; wrong < 256; wrong++) {
            buffer[at] = (uint8_t)wrong;
            struct bytes in = bytes_of(buffer, out.length);
            free(identity_certificate_decode(&in));
        }
        buffer[at] = right;
    }
}

static void encodes_nothing_that_is_too_large(void **state)
{
    char long_subject[IDENTITY_LARGEST_ENCODED];
    uint8_t buffer[2 * IDENTITY_LARGEST_ENCODED];
    struct bytes_writer out = bytes_writer_of(buffer, sizeof buffer);
    struct identity_certificate large = meter;
    (void)state;
    memset(long_subject, 'x', sizeof long_subject);
    long_subject[sizeof long_subject - 1] = '\0';
    large.subject = long_subject;
    assert_false(identity_certificate_encode(&out, &large));
    assert_int_equal(out.length, 0);

    const char *names[IDENTITY_MOST_ENCODED_NAMES + 1];
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        names[i] = "a";
    large = meter;
    large.san_email = names;
    large.san_email_count = IDENTITY_MOST_ENCODED_NAMES - 5;
    assert_true(identity_certificate_encode(&out, &large));
    struct bytes in = bytes_of(buffer, out.length);
    struct identity_certificate *decoded = identity_certificate_decode(&in);
    same(decoded, &large);
    free(decoded);
    out.length = 0;
    large.san_email_count++;
    assert_false(identity_certificate_encode(&out, &large));

    out = bytes_writer_of(buffer, 50);
    assert_false(identity_certificate_encode(&out, &meter));
    assert_true(out.length == 0 && bytes_writer_ok(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_a_certificate_says),
        cmocka_unit_test(copies_into_one_block),
        cmocka_unit_test(decodes_what_it_encoded),
        cmocka_unit_test(decodes_no_prefix),
        cmocka_unit_test(survives_every_wrong_byte),
        cmocka_unit_test(encodes_nothing_that_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
