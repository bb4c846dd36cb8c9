// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/client_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

/* ----------------------------------------------------------------------- hellos of real clients */

#define CORPUS SOURCE_DIRECTORY "/test/fuzz/corpus/client_hello/"

static uint8_t *real_hello(const char *name, size_t *length)
{
    char path[512];
    struct err err;
    (void)snprintf(path, sizeof path, CORPUS "%s", name);
    uint8_t *data = file_read(path, 65536, length, &err);
    assert_non_null(data);
    return data;
}

/* X25519, X448 and the three curves of NIST, in OpenSSL 3.0. */
#define USUAL 0x63800000

static const struct {
    const char *file;
    struct client_hello hello;
} reals[] = {
    {"openssl_1_3_and_1_2",      {"broker.example", true, true, true, true, true, true, USUAL}},
    {"openssl_1_3_only",         {"a.example", true, false, false, true, true, true, USUAL}   },
    {"openssl_1_2_only",         {"", false, true, false, true, true, true, USUAL}            },
    {"openssl_1_2_rsa_suites",   {"a.example", false, true, false, false, true, true, USUAL}  },
    {"openssl_1_2_ecdsa_suites", {"a.example", false, true, false, true, false, true, USUAL}  },
    {"openssl_rsa_algorithms",   {"a.example", true, true, false, false, true, true, USUAL}   },
    {"openssl_ecdsa_algorithms", {"a.example", true, true, false, true, false, true, USUAL}   },
    {"openssl_address_as_name",  {"", true, true, false, true, true, true, USUAL}             },
    {"openssl_1_1_only",         {"", false, false, false, true, true, true, USUAL}           },
    {"three_records",            {"broker.example", true, true, true, true, true, true, USUAL}},
};

static void same(const struct client_hello *hello, const struct client_hello *wanted)
{
    assert_string_equal(hello->server_name, wanted->server_name);
    assert_int_equal(hello->offers_tls_1_3, wanted->offers_tls_1_3);
    assert_int_equal(hello->offers_tls_1_2, wanted->offers_tls_1_2);
    assert_int_equal(hello->offers_alpn, wanted->offers_alpn);
    assert_int_equal(hello->verifies_ecdsa, wanted->verifies_ecdsa);
    assert_int_equal(hello->verifies_rsa, wanted->verifies_rsa);
    assert_int_equal(hello->offers_groups, wanted->offers_groups);
    assert_int_equal(hello->groups, wanted->groups);
}

static void reads_what_real_clients_offer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(reals); i++) {
        struct client_hello hello;
        size_t length = 0;
        uint8_t *data = real_hello(reals[i].file, &length);
        assert_int_equal(client_hello_read(&hello, data, length), CLIENT_HELLO_OK);
        same(&hello, &reals[i].hello);
        free(data);
    }
}

static void wants_more_after_every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(reals); i++) {
        struct client_hello hello;
        size_t length = 0;
        uint8_t *data = real_hello(reals[i].file, &length);
        for (size_t part = 0; part < length; part++) {
            uint8_t *prefix = malloc(part + 1); /* exact, for the sanitizer's sake */
            memcpy(prefix, data, part);
            prefix = realloc(prefix, part == 0 ? 1 : part);
            assert_int_equal(client_hello_read(&hello, prefix, part), CLIENT_HELLO_NEED_MORE);
            free(prefix);
        }
        free(data);
    }
}

/* Cuts the message in the one record of `data` into records of at most `fragment` bytes. */
static size_t fragmented(uint8_t *out, const uint8_t *data, size_t length, size_t fragment)
{
    size_t used = 0;
    for (size_t at = 5; at < length;) {
        size_t part = length - at < fragment ? length - at : fragment;
        const uint8_t header[] = {22, 3, 3, (uint8_t)(part >> 8), (uint8_t)part};
        memcpy(out + used, header, sizeof header);
        memcpy(out + used + sizeof header, data + at, part);
        used += sizeof header + part;
        at += part;
    }
    return used;
}

static void reads_a_hello_that_is_spread_over_records(void **state)
{
    (void)state;
    size_t length = 0;
    uint8_t *data = real_hello("openssl_1_3_and_1_2", &length);
    uint8_t *cut = malloc(6 * length);
    for (size_t fragment = 1; fragment < length; fragment++) {
        struct client_hello hello;
        size_t total = fragmented(cut, data, length, fragment);
        assert_int_equal(client_hello_read(&hello, cut, total), CLIENT_HELLO_OK);
        same(&hello, &reals[0].hello);
        assert_int_equal(client_hello_read(&hello, cut, total - 1), CLIENT_HELLO_NEED_MORE);
    }
    free(cut);
    free(data);
}

static void ignores_what_follows_the_hello(void **state)
{
    (void)state;
    struct client_hello hello;
    size_t length = 0;
    uint8_t *data = real_hello("openssl_1_3_only", &length);
    data = realloc(data, length + 100);
    memset(data + length, 0xff, 100);
    assert_int_equal(client_hello_read(&hello, data, length + 100), CLIENT_HELLO_OK);
    same(&hello, &reals[1].hello);
    free(data);
}

/* ------------------------------------------------------------------------- hellos that we write */

enum { LARGEST_WRITTEN = 2048 };

/* A TLS 1.2 hello in one record, with an ECDHE_ECDSA and an ECDHE_RSA suite, and what is given as
 * extensions. */
static size_t write_hello(uint8_t *out, const void *extensions, size_t length)
{
    static const uint8_t suites[] = {0, 4, 0xc0, 0x2b, 0xc0, 0x2f};
    static const uint8_t compression[] = {1, 0};
    uint8_t random[32] = {0};
    struct bytes_writer body = bytes_writer_of(out + 9, LARGEST_WRITTEN - 9);
    bytes_put_u16(&body, 0x0303);
    bytes_put(&body, random, sizeof random);
    bytes_put_u8(&body, 0);
    bytes_put(&body, suites, sizeof suites);
    bytes_put(&body, compression, sizeof compression);
    if (extensions != NULL) bytes_put_u16(&body, (uint16_t)length);
    bytes_put(&body, extensions, length);
    assert_true(bytes_writer_ok(&body));
    struct bytes_writer header = bytes_writer_of(out, 9);
    bytes_put_u8(&header, 22);
    bytes_put_u16(&header, 0x0301);
    bytes_put_u16(&header, (uint16_t)(body.length + 4));
    bytes_put_u32(&header, (uint32_t)(1U << 24 | body.length));
    return 9 + body.length;
}

static enum client_hello_status read_with(struct client_hello *hello, const void *extensions,
                                          size_t length)
{
    uint8_t data[LARGEST_WRITTEN];
    size_t written = write_hello(data, extensions, length);
    return client_hello_read(hello, data, written);
}

static size_t write_name(uint8_t *out, const void *name, size_t length)
{
    struct bytes_writer writer = bytes_writer_of(out, 1024);
    bytes_put_u16(&writer, 0);
    bytes_put_u16(&writer, (uint16_t)(length + 5));
    bytes_put_u16(&writer, (uint16_t)(length + 3));
    bytes_put_u8(&writer, 0);
    bytes_put_u16(&writer, (uint16_t)length);
    bytes_put(&writer, name, length);
    return writer.length;
}

static enum client_hello_status read_named(struct client_hello *hello, const char *name,
                                           size_t length)
{
    uint8_t extension[1024];
    return read_with(hello, extension, write_name(extension, name, length));
}

static void reads_a_hello_without_extensions(void **state)
{
    (void)state;
    struct client_hello hello;
    const struct client_hello wanted = {"", false, true, false, true, true, false, 0};
    assert_int_equal(read_with(&hello, NULL, 0), CLIENT_HELLO_OK);
    same(&hello, &wanted);
    assert_int_equal(read_with(&hello, "", 0), CLIENT_HELLO_OK);
    same(&hello, &wanted);
}

static void lowers_names_and_takes_addresses_for_none(void **state)
{
    static const char *const names[][2] = {
        {"Broker.EXAMPLE",        "broker.example"       },
        {"broker.example.",       "broker.example"       },
        {"under_score.example",   "under_score.example"  },
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"192.0.2.1",             ""                     },
        {"2001:db8::1",           ""                     },
        {"::ffff:192.0.2.1",      ""                     },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct client_hello hello;
        assert_int_equal(read_named(&hello, names[i][0], strlen(names[i][0])), CLIENT_HELLO_OK);
        assert_string_equal(hello.server_name, names[i][1]);
    }
}

static void refuses_names_that_no_dns_has(void **state)
{
    char long_name[300];
    struct client_hello hello;
    (void)state;
    memset(long_name, 'a', sizeof long_name);
    assert_int_equal(read_named(&hello, long_name, 255), CLIENT_HELLO_OK);
    assert_int_equal(strlen(hello.server_name), 255);
    assert_int_equal(read_named(&hello, long_name, 256), CLIENT_HELLO_MALFORMED);
    assert_int_equal(read_named(&hello, "", 0), CLIENT_HELLO_MALFORMED);
    assert_int_equal(read_named(&hello, "a\0b", 3), CLIENT_HELLO_MALFORMED);
    assert_int_equal(read_named(&hello, "*.example", 9), CLIENT_HELLO_MALFORMED);
    assert_int_equal(read_named(&hello, "a b", 3), CLIENT_HELLO_MALFORMED);
    assert_int_equal(read_named(&hello,
                                "b\xc3\xbc"
                                "cher",
                                7),
                     CLIENT_HELLO_MALFORMED);
    assert_int_equal(read_named(&hello, "a/../b", 6), CLIENT_HELLO_MALFORMED);
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void refuses_extensions_that_contradict_their_lengths(void **state)
{
    // clang-format off
    static const struct {
        const char *what;
        uint8_t bytes[24];
        size_t length;
    } cases[] = {
        {"half a header", {0, 0, 0}, 3},
        {"longer than what is there", {0, 16, 0, 9, 0, 2, 1, 'a'}, 8},
        {"empty list of names", {0, 0, 0, 2, 0, 0}, 6},
        {"list of names longer than the extension", {0, 0, 0, 4, 0, 9, 0, 0}, 8},
        {"name longer than the list", {0, 0, 0, 6, 0, 4, 0, 0, 9, 'a'}, 10},
        {"two names", {0, 0, 0, 10, 0, 8, 0, 0, 1, 'a', 0, 0, 1, 'b'}, 14},
        {"bytes after the names", {0, 0, 0, 7, 0, 4, 0, 0, 1, 'a', 0}, 11},
        {"no version", {0, 43, 0, 1, 0}, 5},
        {"a version and a half", {0, 43, 0, 4, 3, 3, 4, 3}, 8},
        {"bytes after the versions", {0, 43, 0, 4, 2, 3, 4, 3}, 8},
        {"no algorithm", {0, 13, 0, 2, 0, 0}, 6},
        {"half an algorithm", {0, 13, 0, 5, 0, 3, 4, 3, 8}, 9},
        {"empty list of protocols", {0, 16, 0, 2, 0, 0}, 6},
        {"empty protocol", {0, 16, 0, 3, 0, 1, 0}, 7},
        {"protocol longer than the list", {0, 16, 0, 4, 0, 2, 5, 'a'}, 8},
        {"the same extension twice", {0, 16, 0, 4, 0, 2, 1, 'a', 0, 16, 0, 4, 0, 2, 1, 'a'}, 16},
    };
    // clang-format on
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct client_hello hello;
        enum client_hello_status status = read_with(&hello, cases[i].bytes, cases[i].length);
        if (status != CLIENT_HELLO_MALFORMED) print_error("%s\n", cases[i].what);
        assert_int_equal(status, CLIENT_HELLO_MALFORMED);
    }
}

static void lets_supported_versions_overrule_the_legacy_version(void **state)
{
    (void)state;
    struct client_hello hello;
    assert_int_equal(read_with(&hello, BYTES(0, 43, 0, 3, 2, 3, 4)), CLIENT_HELLO_OK);
    assert_true(hello.offers_tls_1_3 && !hello.offers_tls_1_2);
    assert_int_equal(read_with(&hello, BYTES(0, 43, 0, 5, 4, 3, 3, 3, 2)), CLIENT_HELLO_OK);
    assert_true(!hello.offers_tls_1_3 && hello.offers_tls_1_2);
    assert_int_equal(read_with(&hello, BYTES(0, 43, 0, 3, 2, 3, 2)), CLIENT_HELLO_OK);
    assert_true(!hello.offers_tls_1_3 && !hello.offers_tls_1_2);
}

static void takes_pkcs1_for_nothing_in_tls_1_3(void **state)
{
    (void)state;
    struct client_hello hello;
    assert_int_equal(read_with(&hello, BYTES(0, 43, 0, 3, 2, 3, 4, 0, 13, 0, 4, 0, 2, 4, 1)),
                     CLIENT_HELLO_OK);
    assert_true(!hello.verifies_rsa && !hello.verifies_ecdsa);
    assert_int_equal(read_with(&hello, BYTES(0, 13, 0, 4, 0, 2, 4, 1)), CLIENT_HELLO_OK);
    assert_true(hello.verifies_rsa && !hello.verifies_ecdsa);
    assert_int_equal(read_with(&hello, BYTES(0, 13, 0, 4, 0, 2, 5, 3)), CLIENT_HELLO_OK);
    assert_true(!hello.verifies_rsa && hello.verifies_ecdsa);
}

static void reads_the_groups_that_postern_knows(void **state)
{
    (void)state;
    struct client_hello hello;
    assert_int_equal(read_with(&hello, BYTES(0, 43, 0, 3, 2, 3, 4)), CLIENT_HELLO_OK);
    assert_true(!hello.offers_groups && hello.groups == 0);
    assert_int_equal(read_with(&hello, BYTES(0, 10, 0, 8, 0, 6, 0x1a, 0x1a, 0, 29, 0x11, 0xec)),
                     CLIENT_HELLO_OK);
    assert_true(hello.offers_groups);
    assert_int_equal(hello.groups, client_hello_group(29) | client_hello_group(0x11ec));
    assert_int_equal(read_with(&hello, BYTES(0, 10, 0, 4, 0, 2, 1, 0)), CLIENT_HELLO_OK);
    assert_true(hello.offers_groups && hello.groups == 0);
    assert_int_equal(read_with(&hello, BYTES(0, 10, 0, 3, 0, 1, 0)), CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_group(0x11ea) | client_hello_group(0x11ee), 0);
}

/* ------------------------------------------------------------------------------ no hello at all */

static void refuses_records_that_hold_no_hello(void **state)
{
    (void)state;
    struct client_hello hello;
    assert_int_equal(client_hello_read(&hello, BYTES(21, 3, 3, 0, 2, 2, 40)),
                     CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_read(&hello, BYTES(23, 3, 3, 0, 2)), CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 3, 0, 0)), CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 3, 0x40, 1)), CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 3, 0, 4, 2)), CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 1, 0, 1, 1, 21, 3, 1, 0, 2)),
                     CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 1, 0, 1, 1, 'x', 3)),
                     CLIENT_HELLO_MALFORMED);
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 1, 0, 4, 1, 0, 0, 0)),
                     CLIENT_HELLO_MALFORMED);
}

static void refuses_what_is_too_large(void **state)
{
    (void)state;
    struct client_hello hello;
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 1, 0x20, 0, 1, 0, 0x3f, 0xfd)),
                     CLIENT_HELLO_TOO_LARGE);
    assert_int_equal(client_hello_read(&hello, BYTES(22, 3, 1, 0x20, 0, 1, 0, 0x3f, 0xfc)),
                     CLIENT_HELLO_NEED_MORE);

    uint8_t *drops = malloc(32768); /* records of one byte */
    const uint8_t message[] = {1, 0, 0x3f, 0xfc};
    for (size_t i = 0; i < 32768 / 6; i++)
        memcpy(drops + 6 * i, (const uint8_t[]){22, 3, 1, 0, 1, i < 4 ? message[i] : 0}, 6);
    memcpy(drops + 32766, (const uint8_t[]){22, 3}, 2);
    assert_int_equal(client_hello_read(&hello, drops, 32767), CLIENT_HELLO_NEED_MORE);
    assert_int_equal(client_hello_read(&hello, drops, 32768), CLIENT_HELLO_TOO_LARGE);
    free(drops);
}

static void names_other_protocols(void **state)
{
    // clang-format off
    static const struct {
        const char *bytes;
        size_t length;
        const char *looks_like;
    } cases[] = {
        {"GET / HTTP/1.1\r\n", 16, "an HTTP request"},
        {"G", 1, "an HTTP request"},
        {"POST /x", 7, "an HTTP request"},
        {"\x10\x10\0\x04MQTT\x04\x02\0\x3c", 12, "a plaintext MQTT CONNECT"},
        {"\x10\x90\x01\0\x06MQIsdp\x03", 12, "a plaintext MQTT CONNECT"},
        {"\x10", 1, "a plaintext MQTT CONNECT"},
        {"\x10\x10xxxx", 6, "bytes that are not TLS"},
        {"PROXY TCP4 ", 11, "a PROXY protocol header, which this listener does not expect"},
        {"\r\n\r\n\0\r\nQUIT\n", 12,
         "a PROXY protocol header, which this listener does not expect"},
        {"SSH-2.0-x", 9, "an SSH client"},
        {"\x80\x2e\x01\0\x02", 5, "an SSL 2 hello"},
        {"\x16\x02\x00\0\x02", 5, "bytes that are not TLS"},
        {"\x16\x03\x05\0\x02", 5, "bytes that are not TLS"},
        {"\0", 1, "bytes that are not TLS"},
    };
    // clang-format on
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct client_hello hello;
        const uint8_t *data = (const uint8_t *)cases[i].bytes;
        assert_int_equal(client_hello_read(&hello, data, cases[i].length), CLIENT_HELLO_NOT_TLS);
        assert_string_equal(client_hello_looks_like(data, cases[i].length), cases[i].looks_like);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_real_clients_offer),
        cmocka_unit_test(wants_more_after_every_prefix),
        cmocka_unit_test(reads_a_hello_that_is_spread_over_records),
        cmocka_unit_test(ignores_what_follows_the_hello),
        cmocka_unit_test(reads_a_hello_without_extensions),
        cmocka_unit_test(lowers_names_and_takes_addresses_for_none),
        cmocka_unit_test(refuses_names_that_no_dns_has),
        cmocka_unit_test(refuses_extensions_that_contradict_their_lengths),
        cmocka_unit_test(lets_supported_versions_overrule_the_legacy_version),
        cmocka_unit_test(takes_pkcs1_for_nothing_in_tls_1_3),
        cmocka_unit_test(reads_the_groups_that_postern_knows),
        cmocka_unit_test(refuses_records_that_hold_no_hello),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(names_other_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
