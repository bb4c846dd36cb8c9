// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/load/contexts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path with the number in the place of `%u`. */
static void number_path(char *room, size_t size, const char *path, unsigned number)
{
    const char *mark = strstr(path, "%u");
    if (mark == NULL)
        (void)snprintf(room, size, "%s", path);
    else
        (void)snprintf(room, size, "%.*s%u%s", (int)(mark - path), path, number, mark + 2);
}

static void show_certificate(WOLFSSL_CTX *context, const struct options *options, unsigned number)
{
    char certificate[PATH_MAX];
    char private_key[PATH_MAX];
    number_path(certificate, sizeof certificate, options->certificate, number);
    number_path(private_key, sizeof private_key, options->private_key, number);
    if (wolfSSL_CTX_use_certificate_chain_file(context, certificate) == WOLFSSL_SUCCESS &&
        wolfSSL_CTX_use_PrivateKey_file(context, private_key, WOLFSSL_FILETYPE_PEM) ==
            WOLFSSL_SUCCESS)
        return;
    (void)fprintf(stderr, "%s: cannot be used as a certificate\n", certificate);
    exit(1);
}

static WOLFSSL_CTX *make_context(const struct load *load, unsigned number)
{
    const struct options *options = load->options;
    bool tls_1_2 = options->tls_1_2;
    WOLFSSL_CTX *context = wolfSSL_CTX_new(tls_1_2 ? wolfTLSv1_2_client_method()
                                                   : wolfTLSv1_3_client_method());
    CHECK(context != NULL);
    /* Whom it talks to is checked by the tests; here it would only slow the load down. */
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    const char *ciphers = tls_1_2 ? "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
                                  : "TLS13-AES128-GCM-SHA256";
    CHECK(wolfSSL_CTX_set_cipher_list(context, ciphers) == WOLFSSL_SUCCESS);
    /* In TLS 1.2 this list also names the curves of certificates. */
    int groups[2] = {load->group, WOLFSSL_ECC_SECP256R1};
    CHECK(wolfSSL_CTX_set_groups(context, groups, tls_1_2 ? 2 : 1) == WOLFSSL_SUCCESS);
    if (tls_1_2) CHECK(wolfSSL_CTX_UseSessionTicket(context) == WOLFSSL_SUCCESS);
    if (options->certificate != NULL) show_certificate(context, options, number);
    return context;
}

void contexts_make(struct load *load, CallbackIORecv on_receive, CallbackIOSend on_send)
{
    const char *group = load->options->group;
    load->group = strcmp(group, "X25519MLKEM768") == 0 ? WOLFSSL_X25519MLKEM768
                  : strcmp(group, "P-256") == 0        ? WOLFSSL_ECC_SECP256R1
                                                       : WOLFSSL_ECC_X25519;
    load->contexts_count = load->options->certificates;
    load->contexts = calloc(load->contexts_count, sizeof(WOLFSSL_CTX *));
    CHECK(load->contexts != NULL);
    for (unsigned i = 0; i < load->contexts_count; i++) {
        load->contexts[i] = make_context(load, i);
        wolfSSL_CTX_SetIORecv(load->contexts[i], on_receive);
        wolfSSL_CTX_SetIOSend(load->contexts[i], on_send);
    }
}

void contexts_clear(struct load *load)
{
    for (unsigned i = 0; i < load->contexts_count; i++)
        wolfSSL_CTX_free(load->contexts[i]);
    free(load->contexts);
}
