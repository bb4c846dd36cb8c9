// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "proxy/tls/wolfssl.h"

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

enum { NO_ALERT = -1 };

static void names_the_reason_of_each_refusal(void **state)
{
    static const struct {
        int error;
        const char *reason;
    } cases[] = {
        {NO_PEER_CERT,                 "client_certificate_missing"},
        {ASN_AFTER_DATE_E,             "certificate_expired"       },
        {ASN_BEFORE_DATE_E,            "certificate_not_yet_valid" },
        {CRL_CERT_REVOKED,             "certificate_revoked"       },
        {CRL_MISSING,                  "crl_missing"               },
        {CRL_CERT_DATE_ERR,            "crl_outdated"              },
        {ASN_NO_SIGNER_E,              "unknown_ca"                },
        {ASN_SELF_SIGNED_E,            "unknown_ca"                },
        {ASN_SIG_CONFIRM_E,            "bad_signature"             },
        {EXTKEYUSE_AUTH_E,             "wrong_key_usage"           },
        {MAX_CHAIN_ERROR,              "chain_too_long"            },
        {VERSION_ERROR,                "version"                   },
        {MATCH_SUITE_ERROR,            "no_shared_cipher"          },
        {KEY_SHARE_ERROR,              "no_shared_group"           },
        {UNKNOWN_ALPN_PROTOCOL_NAME_E, "alpn_mismatch"             },
        {UNKNOWN_RECORD_TYPE,          "not_tls"                   },
        {SECURE_RENEGOTIATION_E,       "renegotiation"             },
        {BUFFER_ERROR,                 "decode_error"              },
        {OUT_OF_ORDER_E,               "unexpected_message"        },
        {VERIFY_MAC_ERROR,             "decrypt_error"             },
        {SOCKET_PEER_CLOSED_E,         "client_closed"             },
        {MEMORY_E,                     "out_of_memory"             },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct tls_failure failure = tls_failure_of(cases[i].error, NO_ALERT);
        assert_string_equal(failure.reason, cases[i].reason);
        assert_false(failure.is_peers_alert);
    }
}

static void tells_the_alert_that_the_client_sent(void **state)
{
    (void)state;
    struct tls_failure failure = tls_failure_of(FATAL_ERROR, unknown_ca);
    assert_string_equal(failure.reason, "alert_unknown_ca");
    assert_string_equal(failure.sentence,
                        "client does not trust our CA (alert unknown_ca) (send the full chain in "
                        "`certificate`: leaf, then intermediates)");
    assert_true(failure.is_peers_alert);
    failure = tls_failure_of(SOCKET_PEER_CLOSED_E, certificate_expired);
    assert_string_equal(failure.reason, "alert_certificate_expired");
    failure = tls_failure_of(FATAL_ERROR, 255);
    assert_string_equal(failure.reason, "alert_other");
    assert_true(failure.is_peers_alert);
}

static void lets_our_own_verdict_win_over_an_alert(void **state)
{
    (void)state;
    struct tls_failure failure = tls_failure_of(ASN_AFTER_DATE_E, handshake_failure);
    assert_string_equal(failure.reason, "certificate_expired");
    assert_false(failure.is_peers_alert);
}

static void takes_a_close_for_no_refusal(void **state)
{
    (void)state;
    struct tls_failure failure = tls_failure_of(FATAL_ERROR, close_notify);
    assert_string_equal(failure.reason, "client_closed");
    assert_false(failure.is_peers_alert);
}

/* Metrics have one series a reason. */
static void has_words_for_everything_and_few_of_them(void **state)
{
    const char *words[64];
    size_t count = 0;
    (void)state;
    for (int error = 10; error > -1100; error--) {
        struct tls_failure failure = tls_failure_of(error, NO_ALERT);
        assert_true(strlen(failure.sentence) > 5);
        assert_int_equal(strspn(failure.reason, "abcdefghijklmnopqrstuvwxyz_"),
                         strlen(failure.reason));
        size_t known = 0;
        while (known < count && strcmp(words[known], failure.reason) != 0)
            known++;
        if (known == count) words[count++] = failure.reason;
        assert_true(count <= 32);
    }
    for (int alert = 0; alert < 256; alert++)
        assert_true(strlen(tls_failure_of(FATAL_ERROR, alert).sentence) > 5);
    assert_string_equal(tls_failure_of(-31337, NO_ALERT).reason, "other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_reason_of_each_refusal),
        cmocka_unit_test(tells_the_alert_that_the_client_sent),
        cmocka_unit_test(lets_our_own_verdict_win_over_an_alert),
        cmocka_unit_test(takes_a_close_for_no_refusal),
        cmocka_unit_test(has_words_for_everything_and_few_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
