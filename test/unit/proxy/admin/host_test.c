// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "proxy/admin/host.h"

static char address[] = "gateway-1";
static char name[] = "postern.example.com";
static char *names[] = {name};
static const struct config config = {
    .admin = {.host = address},
      .admin_names = { names,              1}
};
static const struct config bare = {.admin = {.host = NULL}};

static void addresses_localhost_and_given_names_are_known(void **state)
{
    static const char *const known[] = {
        "127.0.0.1",      "127.0.0.1:9883",        "192.0.2.7",
        "[::1]:9883",     "[fe80::1%25eth0]:9883", "localhost",
        "LocalHost:1",    "localhost.:9883",       "a.localhost",
        "gateway-1:9883", "postern.example.com",   "POSTERN.example.com.:80",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (!host_is_known(&config, known[i])) fail_msg("%s is known", known[i]);
    assert_true(host_is_known(&config, NULL));
}

static void every_other_name_is_not(void **state)
{
    static char longest[600];
    static const char *const others[] = {
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        ".localhost",
        "www.postern.example.com",
        "postern.example.co",
        "",
        ":9883",
        ".",
        "[",
        "[]:1",
        "evil@127.0.0.1",
        "127.0.0.1@evil",
        "[evil.example]:1",
        "127.0.0.1/",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        if (host_is_known(&config, others[i])) fail_msg("%s is not known", others[i]);
    memset(longest, 'a', sizeof longest - 1);
    assert_false(host_is_known(&config, longest));
    assert_false(host_is_known(&bare, "postern.example.com"));
    assert_true(host_is_known(&bare, "localhost:9883"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_localhost_and_given_names_are_known),
        cmocka_unit_test(every_other_name_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
