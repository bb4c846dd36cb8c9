// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        const char *unix_path;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:1883",          "127.0.0.1",         NULL,                  1883 },
        {"[::]:8883",               "::",                NULL,                  8883 },
        {"[fe80::1%eth0]:1",        "fe80::1%eth0",      NULL,                  1    },
        {"broker-2.internal:65535", "broker-2.internal", NULL,                  65535},
        {"unix:/run/a.sock",        NULL,                "/run/a.sock",         0    },
        {"unix:./a.sock",           NULL,                "/etc/postern/a.sock", 0    },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct arena arena = {0};
        struct config_address out = {0};
        struct err err;
        if (!address_read(cases[i].text, "/etc/postern", &arena, &out, &err))
            fail_msg("%s", err.text);
        assert_int_equal(out.port, cases[i].port);
        if (cases[i].host)
            assert_string_equal(out.host, cases[i].host);
        else
            assert_string_equal(out.unix_path, cases[i].unix_path);
        arena_clear(&arena);
    }
}

static void refuses_what_is_no_address(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "8883",
        ":8883",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "::1:8883",
        "127.0.0.1:65536",
        "1.2.3:1883",
        "[::1]",
        "[::1]8883",
        "[1.2.3.4]:1",
        "*:8883",
        "a b:1883",
        "host:http",
        "[::1:8883",
        "unix:",
        "fd:",
        "fd:a:b",
        "fd:a b",
        "mqtt://h:1",
        "256.0.0.1:1883",
        "h:-1",
        "h:+1",
        "h:99999999999999999999",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct arena arena = {0};
        struct config_address out = {0};
        struct err err;
        if (address_read(cases[i], "", &arena, &out, &err)) fail_msg("%s", cases[i]);
        assert_true(*err.text);
        arena_clear(&arena);
    }
}

static void reads_names_of_sockets_that_are_passed_in(void **state)
{
    struct arena arena = {0};
    struct config_address out = {0};
    struct err err;
    (void)state;
    assert_true(address_read("fd:mqtts", "/etc/postern", &arena, &out, &err));
    assert_string_equal(out.text, "fd:mqtts");
    assert_string_equal(out.fd_name, "mqtts");
    assert_null(out.host);
    assert_null(out.unix_path);
    arena_clear(&arena);
}

static void refuses_socket_paths_that_do_not_fit(void **state)
{
    (void)state;
    char text[200] = "unix:/";
    struct arena arena = {0};
    struct config_address out = {0};
    memset(text + 6, 'a', 107);
    assert_false(address_read(text, "", &arena, &out, NULL));
    text[5 + 107] = 0;
    assert_true(address_read(text, "", &arena, &out, NULL));
    arena_clear(&arena);
}

static void knows_how_far_a_server_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_reach reach;
    } cases[] = {
        {"127.3.2.1:1",         ADDRESS_LOCAL  },
        {"[::1]:1",             ADDRESS_LOCAL  },
        {"localhost:1",         ADDRESS_LOCAL  },
        {"unix:/a",             ADDRESS_LOCAL  },
        {"10.255.0.1:1",        ADDRESS_PRIVATE},
        {"172.16.0.1:1",        ADDRESS_PRIVATE},
        {"172.31.255.1:1",      ADDRESS_PRIVATE},
        {"192.168.1.1:1",       ADDRESS_PRIVATE},
        {"169.254.1.1:1",       ADDRESS_PRIVATE},
        {"100.64.0.1:1",        ADDRESS_PRIVATE},
        {"[fd00::1]:1",         ADDRESS_PRIVATE},
        {"[fe80::1%lo]:1",      ADDRESS_PRIVATE},
        {"broker:1",            ADDRESS_NAME   },
        {"8.8.8.8:1",           ADDRESS_PUBLIC },
        {"172.32.0.1:1",        ADDRESS_PUBLIC },
        {"100.128.0.1:1",       ADDRESS_PUBLIC },
        {"[2001:db8::1]:1",     ADDRESS_PUBLIC },
        {"[::ffff:8.8.8.8]:1",  ADDRESS_PUBLIC },
        {"[::ffff:10.0.0.1]:1", ADDRESS_PRIVATE},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct arena arena = {0};
        struct config_address out = {0};
        assert_true(address_read(cases[i].text, "", &arena, &out, NULL));
        if (address_reach(&out) != cases[i].reach) fail_msg("%s", cases[i].text);
        arena_clear(&arena);
    }
}

static void reads_ranges_and_clears_host_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned prefix;
        bool host_bits;
        uint8_t at_12; /* of the address */
        uint8_t at_15;
    } cases[] = {
        {"10.0.0.0/8", 104, false, 10, 0},
        {"10.0.0.1/8", 104, true,  10, 0},
        {"10.0.0.1",   128, false, 10, 1},
        {"fd00::/8",   8,   false, 0,  0},
        {"fd00::1/8",  8,   true,  0,  0},
        {"::1",        128, false, 0,  1},
        {"0.0.0.0/0",  96,  false, 0,  0},
        {"::/0",       0,   false, 0,  0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct config_cidr out;
        bool host_bits = false;
        assert_true(address_read_cidr(cases[i].text, &out, &host_bits, NULL));
        assert_int_equal(out.prefix, cases[i].prefix);
        assert_int_equal(host_bits, cases[i].host_bits);
        assert_int_equal(out.address.s6_addr[12], cases[i].at_12);
        assert_int_equal(out.address.s6_addr[15], cases[i].at_15);
    }
}

static void refuses_what_is_no_range(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",        "10.0.0.0/33", "fd00::/129", "10/8",        "10.0.0.0/",          "/8",
        "example", "10.0.0.0/-1", "::/0/0",     "10.0.0.0/8 ", "10.0.0.0/4294967304"};
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct config_cidr out;
        bool host_bits = false;
        if (address_read_cidr(cases[i], &out, &host_bits, NULL)) fail_msg("%s", cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(reads_names_of_sockets_that_are_passed_in),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(refuses_socket_paths_that_do_not_fit),
        cmocka_unit_test(knows_how_far_a_server_is),
        cmocka_unit_test(reads_ranges_and_clears_host_bits),
        cmocka_unit_test(refuses_what_is_no_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
