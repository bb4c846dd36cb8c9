// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "proxy/tls/callbacks.h"
#include "proxy/tls/names.h"
#include "proxy/tls/profile.h"

enum { LARGEST_FILE = 4 * 1024 * 1024, WEAKEST_RSA_BITS = 2048, WEAKEST_ECC_BITS = 256 };

/* The modern profile has no suite of TLS 1.2: its clients get the alert that says so. */
static bool only_tls_1_3(const struct config_tls *config)
{
    return config->min_version == CONFIG_TLS_1_3 ||
           (config->profile == CONFIG_PROFILE_MODERN && config->cipher_suites.count == 0 &&
            config->max_version == CONFIG_TLS_1_3);
}

static WOLFSSL_METHOD *method_for(const struct config_tls *config)
{
    if (only_tls_1_3(config)) return wolfTLSv1_3_server_method();
    if (config->max_version == CONFIG_TLS_1_2) return wolfTLSv1_2_server_method();
    return wolfTLS_server_method();
}

/* The server name is read before there is a WOLFSSL; but without such a callback wolfSSL would take
 * a ticket of one name under another. */
static int on_server_name(WOLFSSL *ssl, int *alert, void *arg)
{
    (void)ssl;
    (void)alert;
    (void)arg;
    return 0;
}

static bool set_versions_and_suites(struct tls_context *context, struct err *err)
{
    struct tls_profile profile;
    WOLFSSL_CTX *ctx = context->wolfssl;
    if (!tls_profile_choose(&profile, context->config, err)) return false;
    if (!only_tls_1_3(context->config) && context->config->max_version == CONFIG_TLS_1_3 &&
        wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL was built without TLS 1.2");
    if (wolfSSL_CTX_set_cipher_list(ctx, profile.ciphers) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL has none of the cipher suites %s", profile.ciphers);
    if (wolfSSL_CTX_set_groups(ctx, profile.groups, profile.groups_count) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL does not have all of the groups");
    return true;
}

static bool load_key(struct tls_context *context, const char *path, struct err *err)
{
    size_t length = 0;
    uint8_t *key = file_read(path, LARGEST_FILE, &length, err);
    if (key == NULL) return false;
    int done = wolfSSL_CTX_use_PrivateKey_buffer(context->wolfssl, key, (long)length,
                                                 WOLFSSL_FILETYPE_PEM);
    explicit_bzero(key, length);
    free(key);
    if (done != WOLFSSL_SUCCESS)
        return err_set(err,
                       "%s holds no private key in PEM that can be used (an encrypted one "
                       "must be decrypted first)",
                       path);
    if (wolfSSL_CTX_check_private_key(context->wolfssl) != WOLFSSL_SUCCESS)
        return err_set(err, "the key in %s does not belong to the certificate", path);
    return true;
}

static bool load_pair(struct tls_context *context, const struct config_certificate *config,
                      struct err *err)
{
    size_t length = 0;
    uint8_t *chain = file_read(config->certificate, LARGEST_FILE, &length, err);
    if (chain == NULL) return false;
    bool done = wolfSSL_CTX_use_certificate_chain_buffer_format(
                    context->wolfssl, chain, (long)length, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS;
    if (!done)
        err_set(err, "%s is not a chain of certificates in PEM, the leaf first",
                config->certificate);
    done = done &&
           names_load(&context->names, &context->rsa, config, (struct span){chain, length}, err);
    free(chain);
    return done && load_key(context, config->private_key, err);
}

static bool set_trust(struct tls_context *context, struct err *err)
{
    WOLFSSL_CTX *ctx = context->wolfssl;
    if (context->trust == NULL) {
        wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
        return true;
    }
    struct span authorities = tls_trust_authorities(context->trust);
    if (wolfSSL_CTX_load_verify_buffer(ctx, authorities.data, (long)authorities.length,
                                       WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
        return err_set(err, "%s: not every certificate in it can be used as a CA",
                       context->config->client_ca);
    if (wolfSSL_CTX_SetMinRsaKey_Sz(ctx, WEAKEST_RSA_BITS) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_SetMinEccKey_Sz(ctx, WEAKEST_ECC_BITS) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL refuses the smallest key sizes");
    return true;
}

static void set_tickets(struct tls_context *context)
{
    WOLFSSL_CTX *ctx = context->wolfssl;
    int lifetime_s = (int)(context->config->session_tickets.lifetime_ms / 1000);
    (void)wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF); /* always succeeds */
    wolfSSL_CTX_set_servername_callback(ctx, on_server_name);
    if (context->tickets == NULL) {
        (void)wolfSSL_CTX_no_ticket_TLSv13(ctx); /* these fail for NULL only */
        (void)wolfSSL_CTX_NoTicketTLSv12(ctx);
        return;
    }
    (void)wolfSSL_CTX_set_TicketEncCb(ctx, tls_stream_on_ticket);
    (void)wolfSSL_CTX_set_TicketHint(ctx, lifetime_s);
    (void)wolfSSL_CTX_set_timeout(ctx, (unsigned)lifetime_s);
}

/* What a verdict stood on: a ticket that was given under other settings is worth nothing. */
static bool set_binding(struct tls_context *context, const char *listener)
{
    wc_Sha256 hash;
    uint8_t mode[] = {(uint8_t)context->config->client_certificate,
                      (uint8_t)context->config->max_chain_depth,
                      (uint8_t)context->config->crl_allow_outdated};
    if (wc_InitSha256(&hash) != 0) return false;
    bool done = wc_Sha256Update(&hash, (const byte *)listener, (word32)strlen(listener) + 1) == 0;
    for (size_t i = 0; i < context->names.count; i++)
        done = done && wc_Sha256Update(&hash, (const byte *)context->names.items[i],
                                       (word32)strlen(context->names.items[i]) + 1) == 0;
    done = done && wc_Sha256Update(&hash, mode, sizeof mode) == 0;
    if (context->trust != NULL)
        done = done && wc_Sha256Update(&hash, tls_trust_digest(context->trust), 32) == 0;
    done = done && wc_Sha256Final(&hash, context->binding) == 0;
    wc_Sha256Free(&hash);
    return done;
}

static void set_alpn(struct tls_context *context)
{
    size_t used = 0;
    for (size_t i = 0; i < context->config->alpn.count; i++) {
        size_t length = strlen(context->config->alpn.items[i]);
        if (used + length + 2 > sizeof context->alpn) return; /* the configuration is checked */
        if (used > 0) context->alpn[used++] = ',';
        memcpy(context->alpn + used, context->config->alpn.items[i], length);
        used += length;
    }
}

static bool load(struct tls_context *context, const struct config_certificate *config,
                 const char *listener, struct err *err)
{
    context->wolfssl = wolfSSL_CTX_new(method_for(context->config));
    if (context->wolfssl == NULL) return err_set(err, "out of memory");
    set_alpn(context);
    if (!set_versions_and_suites(context, err) || !load_pair(context, config, err) ||
        !set_trust(context, err))
        return false;
    set_tickets(context);
    wolfSSL_CTX_SetIORecv(context->wolfssl, tls_stream_on_receive);
    wolfSSL_CTX_SetIOSend(context->wolfssl, tls_stream_on_send);
    (void)wolfSSL_CTX_set_group_messages(context->wolfssl); /* fails for NULL only */
    return set_binding(context, listener) || err_set(err, "out of memory");
}

struct tls_context_set *tls_context_set_new(const struct config_listener *listener,
                                            struct ticket_keys *tickets, struct err *err)
{
    const struct config_tls *config = &listener->tls;
    struct tls_context_set *set = calloc(1, sizeof *set);
    if (set != NULL) set->items = calloc(config->certificates_count, sizeof *set->items);
    if (set == NULL || set->items == NULL) {
        free(set);
        err_set(err, "out of memory");
        return NULL;
    }
    set->refuse_unknown_name = config->refuse_unknown_server_name;
    if (config->client_certificate != CONFIG_CLIENT_CERTIFICATE_NONE) {
        set->trust = tls_trust_new(config, err);
        if (set->trust == NULL) goto fail;
    }
    for (size_t i = 0; i < config->certificates_count; i++) {
        struct tls_context *context = &set->items[set->count++];
        context->config = config;
        context->tickets = tickets;
        context->trust = set->trust;
        if (!load(context, &config->certificates[i], listener->name, err)) goto fail;
    }
    return set;
fail:
    tls_context_set_free(set);
    return NULL;
}

void tls_context_set_free(struct tls_context_set *set)
{
    if (set == NULL) return;
    for (size_t i = 0; i < set->count; i++) {
        names_clear(&set->items[i].names);
        wolfSSL_CTX_free(set->items[i].wolfssl);
    }
    tls_trust_free(set->trust);
    free(set->items);
    free(set);
}

static bool context_has_name(const struct tls_context *context, const char *name, bool wildcards)
{
    for (size_t i = 0; i < context->names.count; i++) {
        const char *pattern = context->names.items[i];
        bool is_wildcard = pattern[0] == '*';
        if (is_wildcard == wildcards && names_match(pattern, name)) return true;
    }
    return false;
}

/* ECDSA before RSA, among what the client can verify; whatever there is, if it says that it can
 * verify none of it, so that it fails with its own words. */
static struct tls_context *best_of(struct tls_context *a, struct tls_context *b,
                                   const struct client_hello *hello)
{
    if (a == NULL) return b;
    bool a_fits = a->rsa ? hello->verifies_rsa : hello->verifies_ecdsa;
    bool b_fits = b->rsa ? hello->verifies_rsa : hello->verifies_ecdsa;
    if (a_fits != b_fits) return b_fits ? b : a;
    return a->rsa && !b->rsa ? b : a;
}

static struct tls_context *choose_named(const struct tls_context_set *set,
                                        const struct client_hello *hello, bool wildcards)
{
    struct tls_context *chosen = NULL;
    for (size_t i = 0; i < set->count; i++)
        if (context_has_name(&set->items[i], hello->server_name, wildcards))
            chosen = best_of(chosen, &set->items[i], hello);
    return chosen;
}

/* Those that have a name in common with the first one are it in another kind of key. */
static struct tls_context *choose_default(const struct tls_context_set *set,
                                          const struct client_hello *hello)
{
    struct tls_context *chosen = &set->items[0];
    for (size_t i = 1; i < set->count; i++)
        for (size_t j = 0; j < set->items[i].names.count; j++)
            if (context_has_name(&set->items[0], set->items[i].names.items[j],
                                 set->items[i].names.items[j][0] == '*'))
                chosen = best_of(chosen, &set->items[i], hello);
    return chosen;
}

struct tls_context *tls_context_set_choose(const struct tls_context_set *set,
                                           const struct client_hello *hello)
{
    if (hello->server_name[0] == '\0') return choose_default(set, hello);
    struct tls_context *chosen = choose_named(set, hello, false);
    if (chosen == NULL) chosen = choose_named(set, hello, true);
    if (chosen != NULL) return chosen;
    return set->refuse_unknown_name ? NULL : choose_default(set, hello);
}
