// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/profile.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "proxy/tls/wolfssl.h"

/* -------------------------------------------------------------------------------- cipher suites */

enum {
    INTERMEDIATE = 1 << CONFIG_PROFILE_INTERMEDIATE,
    MODERN = 1 << CONFIG_PROFILE_MODERN,
    IOT = 1 << CONFIG_PROFILE_IOT,
    BOTH = INTERMEDIATE | IOT,
    ALL = INTERMEDIATE | MODERN | IOT
};

/* Mozilla's server guidelines 5.8, in their order; then what constrained devices have, because
 * their radios do AES-CCM in hardware (RFC 7925, 4.2). What no profile has may be asked for by
 * name. Forward secrecy and AEAD throughout. */
// clang-format off
static const struct suite {
    const char *iana;
    const char *wolfssl;
    enum config_tls_version version;
    unsigned profiles;
} suites[] = {
    {"TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256", CONFIG_TLS_1_3, ALL},
    {"TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384", CONFIG_TLS_1_3, ALL},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256", CONFIG_TLS_1_3, ALL},
    {"TLS_AES_128_CCM_SHA256", "TLS13-AES128-CCM-SHA256", CONFIG_TLS_1_3, IOT},
    {"TLS_AES_128_CCM_8_SHA256", "TLS13-AES128-CCM-8-SHA256", CONFIG_TLS_1_3, IOT},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", CONFIG_TLS_1_2,
     BOTH},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", CONFIG_TLS_1_2, BOTH},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", CONFIG_TLS_1_2,
     BOTH},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", CONFIG_TLS_1_2, BOTH},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
     CONFIG_TLS_1_2, BOTH},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", CONFIG_TLS_1_2,
     BOTH},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM", CONFIG_TLS_1_2, IOT},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM-8", CONFIG_TLS_1_2, IOT},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ECDHE-ECDSA-AES256-CCM-8", CONFIG_TLS_1_2, 0},
};
// clang-format on

/* Compared with what this wolfSSL says it has, because an unknown name in a list is skipped. */
static bool is_built(const struct suite *suite)
{
    const char *name = NULL;
    for (int i = 0; (name = wolfSSL_get_cipher_list(i)) != NULL; i++)
        if (strcmp(name, suite->wolfssl) == 0) return true;
    return false;
}

static bool is_allowed(const struct suite *suite, const struct config_tls *config)
{
    return suite->version >= config->min_version && suite->version <= config->max_version;
}

static void add_suite(struct tls_profile *out, const struct suite *suite)
{
    size_t used = strlen(out->ciphers);
    size_t length = strlen(suite->wolfssl);
    if (used + length + 2 > sizeof out->ciphers) return; /* all of them fit */
    if (used > 0) out->ciphers[used++] = ':';
    memcpy(out->ciphers + used, suite->wolfssl, length + 1);
}

static const struct suite *suite_named(const char *iana)
{
    for (size_t i = 0; i < ARRAY_LENGTH(suites); i++)
        if (strcmp(suites[i].iana, iana) == 0) return &suites[i];
    return NULL;
}

static bool refuse_suite(const char *iana, struct err *err)
{
    const char *names[ARRAY_LENGTH(suites)];
    for (size_t i = 0; i < ARRAY_LENGTH(suites); i++)
        names[i] = suites[i].iana;
    const char *nearest = text_nearest(iana, names, ARRAY_LENGTH(suites));
    if (nearest != NULL)
        return err_set(err, "cipher suite %s is not one that Postern does: is %s meant?", iana,
                       nearest);
    return err_set(err,
                   "cipher suite %s is not one that Postern does (only those with forward "
                   "secrecy and AEAD, by their IANA names)",
                   iana);
}

static bool choose_named_suites(struct tls_profile *out, const struct config_tls *config,
                                struct err *err)
{
    for (size_t i = 0; i < config->cipher_suites.count; i++) {
        const char *iana = config->cipher_suites.items[i];
        const struct suite *suite = suite_named(iana);
        if (suite == NULL) return refuse_suite(iana, err);
        if (!is_built(suite))
            return err_set(err, "this build of wolfSSL does not have the cipher suite %s", iana);
        bool repeated = false;
        for (size_t j = 0; j < i; j++)
            repeated = repeated || strcmp(config->cipher_suites.items[j], iana) == 0;
        if (is_allowed(suite, config) && !repeated) add_suite(out, suite);
    }
    return true;
}

static bool choose_suites(struct tls_profile *out, const struct config_tls *config, struct err *err)
{
    if (config->cipher_suites.count > 0) {
        if (!choose_named_suites(out, config, err)) return false;
    } else {
        for (size_t i = 0; i < ARRAY_LENGTH(suites); i++)
            if ((suites[i].profiles & 1U << config->profile) != 0 &&
                is_allowed(&suites[i], config) && is_built(&suites[i]))
                add_suite(out, &suites[i]);
    }
    if (out->ciphers[0] != '\0') return true;
    return err_set(err, "no cipher suite is left for the versions from min_version to max_version "
                        "(the profile modern has none for TLS 1.2)");
}

/* --------------------------------------------------------------------------------------- groups */

#if defined(WOLFSSL_HAVE_MLKEM) && defined(WOLFSSL_PQC_HYBRIDS)
enum { HAS_HYBRIDS = 1, X25519_MLKEM768 = WOLFSSL_X25519MLKEM768 };
enum { P256_MLKEM768 = WOLFSSL_SECP256R1MLKEM768, P384_MLKEM1024 = WOLFSSL_SECP384R1MLKEM1024 };
#else
enum { HAS_HYBRIDS = 0, X25519_MLKEM768 = 4588, P256_MLKEM768 = 4587, P384_MLKEM1024 = 4589 };
#endif
#ifdef HAVE_CURVE25519
enum { HAS_X25519 = 1 };
#else
enum { HAS_X25519 = 0 };
#endif
#if defined(HAVE_ECC384) || defined(HAVE_ALL_CURVES)
enum { HAS_P384 = 1 };
#else
enum { HAS_P384 = 0 };
#endif
#if defined(HAVE_ECC521) || defined(HAVE_ALL_CURVES)
enum { HAS_P521 = 1 };
#else
enum { HAS_P521 = 0 };
#endif

// clang-format off
static const struct group {
    const char *name;
    int id;
    bool built;
    bool preferred; /* without `groups:`, in this order */
} groups[] = {
    {"X25519MLKEM768", X25519_MLKEM768, HAS_HYBRIDS &&HAS_X25519, true},
    {"X25519", WOLFSSL_ECC_X25519, HAS_X25519, true},
    {"P-256", WOLFSSL_ECC_SECP256R1, true, true},
    {"P-384", WOLFSSL_ECC_SECP384R1, HAS_P384, true},
    {"P-521", WOLFSSL_ECC_SECP521R1, HAS_P521, false},
    {"SecP256r1MLKEM768", P256_MLKEM768, HAS_HYBRIDS, false},
    {"SecP384r1MLKEM1024", P384_MLKEM1024, HAS_HYBRIDS &&HAS_P384, false},
    {"secp256r1", WOLFSSL_ECC_SECP256R1, true, false}, /* IANA's names of the same curves */
    {"secp384r1", WOLFSSL_ECC_SECP384R1, HAS_P384, false},
    {"secp521r1", WOLFSSL_ECC_SECP521R1, HAS_P521, false},
};
// clang-format on

/* TLS 1.2 has no hybrid groups. */
static bool fits(const struct group *group, const struct config_tls *config)
{
    return group->id < P256_MLKEM768 || config->max_version >= CONFIG_TLS_1_3;
}

static bool add_group(struct tls_profile *out, const struct group *group, struct err *err)
{
    for (int i = 0; i < out->groups_count; i++)
        if (out->groups[i] == group->id) return true;
    if (out->groups_count == TLS_PROFILE_MOST_GROUPS)
        return err_set(err, "no more than %d groups", TLS_PROFILE_MOST_GROUPS);
    out->groups[out->groups_count++] = group->id;
    return true;
}

static const struct group *group_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
        if (text_equal_nocase(span_of(groups[i].name), span_of(name))) return &groups[i];
    return NULL;
}

static bool refuse_group(const char *name, struct err *err)
{
    const char *names[ARRAY_LENGTH(groups)];
    for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
        names[i] = groups[i].name;
    const char *nearest = text_nearest(name, names, ARRAY_LENGTH(groups));
    return err_set(err, "group %s is not one that Postern does%s%s%s", name,
                   nearest == NULL ? "" : ": is ", nearest == NULL ? "" : nearest,
                   nearest == NULL ? "" : " meant?");
}

static bool choose_groups(struct tls_profile *out, const struct config_tls *config, struct err *err)
{
    for (size_t i = 0; i < config->groups.count; i++) {
        const char *name = config->groups.items[i];
        const struct group *group = group_named(name);
        if (group == NULL) return refuse_group(name, err);
        if (!group->built)
            return err_set(err, "this build of wolfSSL does not have the group %s", name);
        if (fits(group, config) && !add_group(out, group, err)) return false;
    }
    for (size_t i = 0; config->groups.count == 0 && i < ARRAY_LENGTH(groups); i++)
        if (groups[i].preferred && groups[i].built && fits(&groups[i], config) &&
            !add_group(out, &groups[i], err))
            return false;
    if (out->groups_count > 0) return true;
    return err_set(err, "none of the groups can be used in TLS 1.2: give P-256 or X25519 as well");
}

bool tls_profile_choose(struct tls_profile *out, const struct config_tls *config, struct err *err)
{
    memset(out, 0, sizeof *out);
    return choose_suites(out, config, err) && choose_groups(out, config, err);
}

const char *tls_profile_group(const char *name)
{
    static const char *const names[][2] = {
        {"SECP256R1", "P-256"},
        {"SECP384R1", "P-384"},
        {"SECP521R1", "P-521"}
    };
    for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(names); i++)
        if (strcmp(name, names[i][0]) == 0) return names[i][1];
    return name;
}
