// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/names.h"

#include "base/attributes.h"

static const char *const cipher_suites[] = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
};
static const char *const groups[] = {
    "X25519MLKEM768", "SecP256r1MLKEM768", "X25519", "P-256", "P-384", "P-521",
};
static const char *const templates[] = {"client_id", "username", "server_name"};
static const char *const identity[] = {
    "client_id",
    "username",
    "server_name",
    "listener",
    "source",
    "mqtt.version",
    "tls.version",
    "tls.cipher",
    "tls.group",
    "certificate.common_name",
    "certificate.subject",
    "certificate.issuer",
    "certificate.serial",
    "certificate.fingerprint_sha256",
    "certificate.spki_sha256",
    "certificate.san_dns",
    "certificate.san_uri",
    "certificate.san_email",
};

const struct names names_cipher_suites = {cipher_suites, ARRAY_LENGTH(cipher_suites)};
const struct names names_groups = {groups, ARRAY_LENGTH(groups)};
const struct names names_templates = {templates, ARRAY_LENGTH(templates)};
const struct names names_identity = {identity, ARRAY_LENGTH(identity)};
