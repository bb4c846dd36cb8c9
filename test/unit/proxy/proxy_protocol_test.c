// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/proxy_protocol/decode.h"
#include "proxy/proxy_protocol/encode.h"

static struct proxy_address address(const char *text, uint16_t port)
{
    struct proxy_address made = {.port = port};
    char mapped[64];
    (void)snprintf(mapped, sizeof mapped, "%s%s", strchr(text, ':') == NULL ? "::ffff:" : "", text);
    assert_int_equal(inet_pton(AF_INET6, mapped, &made.address), 1);
    return made;
}

static struct proxy_header header(const char *source, const char *destination)
{
    return (struct proxy_header){
        .version = CONFIG_PROXY_V2,
        .route = {true, address(source, 40000), address(destination, 8883)},
        .tls_version = IDENTITY_TLS_1_3,
        .cipher = "TLS_AES_128_GCM_SHA256",
        .alpn = "mqtt",
        .server_name = "broker.example",
        .key_algorithm = "EC256",
        .signature_algorithm = "ECDSA-SHA256"
    };
}

static size_t encode(const struct proxy_header *header, uint8_t room[PROXY_HEADER_LARGEST])
{
    struct bytes_writer out = bytes_writer_of(room, PROXY_HEADER_LARGEST);
    proxy_header_encode(&out, header);
    assert_true(bytes_writer_ok(&out));
    return out.length;
}

static bool holds(const uint8_t *data, size_t length, const char *text)
{
    return memmem(data, length, text, strlen(text)) != NULL;
}

static void writes_the_lines_of_version_1(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        const char *destination;
        const char *line;
    } rows[] = {
        {"192.0.2.1",   "198.51.100.2", "PROXY TCP4 192.0.2.1 198.51.100.2 40000 8883\r\n"      },
        {"2001:db8::1", "2001:db8::2",  "PROXY TCP6 2001:db8::1 2001:db8::2 40000 8883\r\n"     },
        {"192.0.2.1",   "2001:db8::2",  "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 40000 8883\r\n"},
    };
    uint8_t room[PROXY_HEADER_LARGEST];
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct proxy_header made = header(rows[i].source, rows[i].destination);
        made.version = CONFIG_PROXY_V1;
        assert_int_equal(encode(&made, room), strlen(rows[i].line));
        assert_memory_equal(room, rows[i].line, strlen(rows[i].line));
    }
    struct proxy_header unknown = {.version = CONFIG_PROXY_V1};
    assert_int_equal(encode(&unknown, room), strlen("PROXY UNKNOWN\r\n"));
}

static void reads_what_it_wrote(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"192.0.2.1",   "198.51.100.2"},
        {"2001:db8::1", "2001:db8::2" },
        {"192.0.2.1",   "2001:db8::2" }
    };
    uint8_t room[PROXY_HEADER_LARGEST + 1] = {0};
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
        for (unsigned version = CONFIG_PROXY_V1; version <= CONFIG_PROXY_V2; version++) {
            struct proxy_header made = header(pairs[i][0], pairs[i][1]);
            struct proxy_route route;
            size_t taken = 0;
            made.version = (enum config_proxy_protocol)version;
            size_t length = encode(&made, room);
            for (size_t cut = 0; cut < length; cut++)
                assert_int_equal(proxy_header_decode(&route, room, cut, &taken), PROXY_NEED_MORE);
            assert_int_equal(proxy_header_decode(&route, room, length + 1, &taken), PROXY_OK);
            assert_int_equal(taken, length);
            assert_true(route.known);
            assert_memory_equal(&route.source, &made.route.source, sizeof route.source);
            assert_memory_equal(&route.destination, &made.route.destination,
                                sizeof route.destination);
        }
}

static void fits_every_profile(void **state)
{
    (void)state;
    static char long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    const struct identity_certificate certificate = {.common_name = long_name};
    uint8_t room[PROXY_HEADER_LARGEST];
    for (unsigned profile = CONFIG_BACKEND_GENERIC; profile <= CONFIG_BACKEND_RABBITMQ; profile++) {
        struct proxy_header made = header("2001:db8::1", "2001:db8::2");
        made.profile = (enum config_backend_profile)profile;
        made.certificate = &certificate;
        made.server_name = long_name;
        size_t length = encode(&made, room);
        assert_true(holds(room, length, "TLSv1.3") && holds(room, length, long_name));
        bool small = profile != CONFIG_BACKEND_GENERIC && profile != CONFIG_BACKEND_EMQX;
        assert_true(length <= (small ? 516 : PROXY_HEADER_LARGEST));
        assert_int_equal(length - 16, room[14] << 8 | room[15]);
    }
}

static void never_sends_control_characters(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\nb", "a\x7f", "\x01", "a\xff", "a\xc2\x85", ""};
    uint8_t room[PROXY_HEADER_LARGEST];
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        const struct identity_certificate certificate = {.common_name = bad[i]};
        struct proxy_header made = header("192.0.2.1", "198.51.100.2");
        made.certificate = &certificate;
        made.server_name = bad[i];
        size_t length = encode(&made, room);
        struct proxy_route route;
        size_t taken = 0;
        assert_int_equal(proxy_header_decode(&route, room, length, &taken), PROXY_OK);
        made.certificate = NULL;
        made.server_name = NULL;
        uint8_t without[PROXY_HEADER_LARGEST];
        assert_int_equal(length, encode(&made, without)); /* neither name was written */
    }
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        enum proxy_status status;
    } rows[] = {
#define ROW(text, status) {text, sizeof(text) - 1, status}
        ROW("\x10\x0c", PROXY_NOT_THERE),
        ROW("PRO", PROXY_NEED_MORE),
        ROW("PROXX", PROXY_NOT_THERE),
        ROW("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", PROXY_MALFORMED),
        ROW("PROXY TCP4 1.2.3.4 5.6.7.8 1 70000\r\n", PROXY_MALFORMED),
        ROW("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", PROXY_MALFORMED),
        ROW("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", PROXY_MALFORMED),
        ROW("PROXY TCP4 ::1 ::2 1 2\r\n", PROXY_MALFORMED),
        ROW("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", PROXY_MALFORMED),
        ROW("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", PROXY_MALFORMED),
        ROW("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", PROXY_MALFORMED),
        ROW("PROXY UNKNOWN whatever\r\n", PROXY_OK),
        ROW("\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0", PROXY_MALFORMED),
        ROW("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\4abcd", PROXY_MALFORMED),
        ROW("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0d"
            "123456789012x",
            PROXY_MALFORMED),
        ROW("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", PROXY_TOO_LARGE),
        ROW("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", PROXY_OK),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct proxy_route route;
        size_t taken = 0;
        enum proxy_status status = proxy_header_decode(&route, (const uint8_t *)rows[i].text,
                                                       rows[i].length, &taken);
        if (status != rows[i].status) print_error("row %zu\n", i);
        assert_int_equal(status, rows[i].status);
        assert_false(route.known);
    }
    char longest[200];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "PROXY UNKNOWN ", 14);
    struct proxy_route route;
    size_t taken = 0;
    assert_int_equal(proxy_header_decode(&route, (uint8_t *)longest, 107, &taken), PROXY_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_lines_of_version_1),
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(fits_every_profile),
        cmocka_unit_test(never_sends_control_characters),
        cmocka_unit_test(refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
