// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "proxy/tls/wolfssl.h"

#define STRINGS(...)                                                                               \
    {                                                                                              \
        (char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)                  \
    }

static struct config_tls settings(enum config_tls_profile profile, enum config_tls_version min,
                                  enum config_tls_version max)
{
    return (struct config_tls){.profile = profile, .min_version = min, .max_version = max};
}

/* ------------------------------------------------------------------------------------ golden text
 */

static void print_profile(FILE *out, const char *name, const struct config_tls *config)
{
    struct tls_profile profile;
    struct err err = {""};
    (void)fprintf(out, "%s, TLS 1.%d to 1.%d\n", name, (int)config->min_version - 10,
                  (int)config->max_version - 10);
    if (!tls_profile_choose(&profile, config, &err)) {
        (void)fprintf(out, "  error: %s\n\n", err.text);
        return;
    }
    for (char *cipher = strtok(profile.ciphers, ":"); cipher != NULL; cipher = strtok(NULL, ":"))
        (void)fprintf(out, "  %s\n", cipher);
    (void)fprintf(out, "  groups:");
    for (int i = 0; i < profile.groups_count; i++)
        (void)fprintf(out, " %d", profile.groups[i]);
    (void)fprintf(out, "\n\n");
}

/* A change of what is offered must show in review: the text is committed. To accept a change, copy
 * what the failure prints. */
static void offers_what_was_agreed_on(void **state)
{
    static const char *const names[] = {"intermediate", "modern", "iot"};
    static const enum config_tls_version versions[][2] = {
        {CONFIG_TLS_1_2, CONFIG_TLS_1_3},
        {CONFIG_TLS_1_3, CONFIG_TLS_1_3},
        {CONFIG_TLS_1_2, CONFIG_TLS_1_2},
    };
    char text[16384] = "";
    size_t length = 0;
    struct err err;
    (void)state;
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            struct config_tls config = settings((enum config_tls_profile)i, versions[j][0],
                                                versions[j][1]);
            print_profile(out, names[i], &config);
        }
    assert_int_equal(fclose(out), 0);
    uint8_t *golden = file_read(SOURCE_DIRECTORY "/test/golden/tls-profiles.txt", sizeof text,
                                &length, &err);
    assert_non_null(golden);
    if (length != strlen(text) || memcmp(golden, text, length) != 0) {
        (void)fputs(text, stdout);
        free(golden);
        fail();
    }
    free(golden);
}

/* ------------------------------------------------------------------------------------- what is
 * said */

static void gives_wolfssl_what_it_accepts(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct tls_profile profile;
        struct err err;
        struct config_tls config = settings((enum config_tls_profile)i, CONFIG_TLS_1_2,
                                            CONFIG_TLS_1_3);
        assert_true(tls_profile_choose(&profile, &config, &err));
        WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLS_server_method());
        assert_non_null(ctx);
        assert_int_equal(wolfSSL_CTX_set_cipher_list(ctx, profile.ciphers), WOLFSSL_SUCCESS);
        assert_int_equal(wolfSSL_CTX_set_groups(ctx, profile.groups, profile.groups_count),
                         WOLFSSL_SUCCESS);
        wolfSSL_CTX_free(ctx);
    }
}

static void takes_suites_by_name_in_their_order(void **state)
{
    struct tls_profile profile;
    struct err err;
    struct config_tls config = settings(CONFIG_PROFILE_MODERN, CONFIG_TLS_1_2, CONFIG_TLS_1_3);
    config.cipher_suites = (struct config_strings)STRINGS(
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        "TLS_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
    (void)state;
    assert_true(tls_profile_choose(&profile, &config, &err));
    assert_string_equal(profile.ciphers, "ECDHE-ECDSA-AES128-CCM-8:ECDHE-ECDSA-AES128-CCM:"
                                         "TLS13-AES256-GCM-SHA384");
    config.min_version = CONFIG_TLS_1_3;
    assert_true(tls_profile_choose(&profile, &config, &err));
    assert_string_equal(profile.ciphers, "TLS13-AES256-GCM-SHA384");
}

static void refuse_suites(char *name, enum config_tls_version max, const char *sentence)
{
    struct tls_profile profile;
    struct err err;
    struct config_tls config = settings(CONFIG_PROFILE_MODERN, CONFIG_TLS_1_2, max);
    config.cipher_suites = (struct config_strings)STRINGS(name);
    assert_false(tls_profile_choose(&profile, &config, &err));
    if (strstr(err.text, sentence) == NULL) {
        print_error("%s\n", err.text);
        fail();
    }
}

static void refuses_suites_that_it_does_not_do(void **state)
{
    (void)state;
    refuse_suites((char[]){"TLS_AES_256_GCM_SHA383"}, CONFIG_TLS_1_3,
                  "is TLS_AES_256_GCM_SHA384 meant?");
    refuse_suites((char[]){"RC4"}, CONFIG_TLS_1_3, "is not one that Postern does");
    refuse_suites((char[]){"TLS_AES_256_GCM_SHA384"}, CONFIG_TLS_1_2, "no cipher suite is left");
}

static void takes_groups_by_either_name_in_their_order(void **state)
{
    struct tls_profile profile;
    struct err err;
    struct config_tls config = settings(CONFIG_PROFILE_MODERN, CONFIG_TLS_1_3, CONFIG_TLS_1_3);
    config.groups = (struct config_strings)STRINGS("P-384", "secp256r1", "x25519", "P-256");
    (void)state;
    assert_true(tls_profile_choose(&profile, &config, &err));
    assert_int_equal(profile.groups_count, 3);
    assert_int_equal(profile.groups[0], 24);
    assert_int_equal(profile.groups[1], 23);
    assert_int_equal(profile.groups[2], 29);
    config.groups = (struct config_strings)STRINGS("P-385");
    assert_false(tls_profile_choose(&profile, &config, &err));
    assert_string_equal(err.text, "group P-385 is not one that Postern does: is P-384 meant?");
    config.groups = (struct config_strings)STRINGS("sect163k1");
    assert_false(tls_profile_choose(&profile, &config, &err));
    config = settings(CONFIG_PROFILE_INTERMEDIATE, CONFIG_TLS_1_2, CONFIG_TLS_1_2);
    config.groups = (struct config_strings)STRINGS("X25519MLKEM768");
    assert_false(tls_profile_choose(&profile, &config, &err));
    assert_non_null(strstr(err.text, "none of the groups can be used in TLS 1.2"));
}

static int start_wolfssl(void **state)
{
    (void)state;
    return wolfSSL_Init() == WOLFSSL_SUCCESS ? 0 : -1;
}

static int stop_wolfssl(void **state)
{
    (void)state;
    return wolfSSL_Cleanup() == WOLFSSL_SUCCESS ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_what_was_agreed_on),
        cmocka_unit_test(gives_wolfssl_what_it_accepts),
        cmocka_unit_test(takes_suites_by_name_in_their_order),
        cmocka_unit_test(refuses_suites_that_it_does_not_do),
        cmocka_unit_test(takes_groups_by_either_name_in_their_order),
    };
    return cmocka_run_group_tests(tests, start_wolfssl, stop_wolfssl);
}
