// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "certs/certificate.h"
#include "certs/pem.h"
#include "certs/stapled.h"
#include "proxy/tls/callbacks.h"
#include "proxy/tls/names.h"
#include "proxy/tls/profile.h"

enum { WEAKEST_RSA_BITS = 2048, WEAKEST_ECC_BITS = 256 };

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

static bool set_versions_and_suites(struct tls_context *context, const struct config_tls *config,
                                    struct err *err)
{
    struct tls_profile profile;
    WOLFSSL_CTX *ctx = context->wolfssl;
    if (!tls_profile_choose(&profile, config, err)) return false;
    if (!only_tls_1_3(config) && config->max_version == CONFIG_TLS_1_3 &&
        wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL was built without TLS 1.2");
    if (wolfSSL_CTX_set_cipher_list(ctx, profile.ciphers) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL has none of the cipher suites %s", profile.ciphers);
    if (wolfSSL_CTX_set_groups(ctx, profile.groups, profile.groups_count) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL does not have all of the groups");
    for (int i = 0; i < profile.groups_count; i++)
        context->groups |= client_hello_group((unsigned)profile.groups[i]);
    return true;
}

static bool load_key(struct tls_context *context, const char *path, struct err *err)
{
    size_t length = 0;
    uint8_t *key = file_read(path, TLS_DIGEST_LARGEST_FILE, &length, err);
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

/* As HAProxy writes them, from whom brokers know them. */
static const char *key_algorithm(const struct certificate *leaf)
{
    static const struct {
        enum certificate_key key;
        unsigned bits;
        const char *name;
    } known[] = {
        {CERTIFICATE_KEY_RSA,     2048, "RSA2048"},
        {CERTIFICATE_KEY_RSA,     3072, "RSA3072"},
        {CERTIFICATE_KEY_RSA,     4096, "RSA4096"},
        {CERTIFICATE_KEY_ECDSA,   256,  "EC256"  },
        {CERTIFICATE_KEY_ECDSA,   384,  "EC384"  },
        {CERTIFICATE_KEY_ECDSA,   521,  "EC521"  },
        {CERTIFICATE_KEY_ED25519, 256,  "ED25519"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (known[i].key == leaf->key && known[i].bits == leaf->key_bits) return known[i].name;
    return NULL;
}

static const char *signature_algorithm(const char *name)
{
    static const char *const known[] = {"ECDSA-SHA256", "ECDSA-SHA384", "ECDSA-SHA512",
                                        "RSA-SHA256",   "RSA-SHA384",   "RSA-SHA512",
                                        "RSA-PSS",      "Ed25519"};
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
        if (strcmp(known[i], name) == 0) return known[i];
    return NULL;
}

static void describe(struct tls_context *context, struct span chain)
{
    struct pem pem;
    struct certificate leaf;
    if (!pem_read(&pem, chain, NULL)) return;
    const struct pem_block *block = pem_find(&pem, PEM_CERTIFICATE, 0);
    if (block != NULL && certificate_read(&leaf, block->der.data, block->der.length)) {
        context->key_algorithm = key_algorithm(&leaf);
        context->signature_algorithm = signature_algorithm(leaf.signature_algorithm);
        certificate_clear(&leaf);
    }
    pem_clear(&pem);
}

static bool load_pair(struct tls_context *context, const struct config_certificate *config,
                      struct err *err)
{
    size_t length = 0;
    uint8_t *chain = file_read(config->certificate, TLS_DIGEST_LARGEST_FILE, &length, err);
    if (chain == NULL) return false;
    bool done = wolfSSL_CTX_use_certificate_chain_buffer_format(
                    context->wolfssl, chain, (long)length, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS;
    if (!done)
        err_set(err, "%s is not a chain of certificates in PEM, the leaf first",
                config->certificate);
    done = done &&
           names_load(&context->names, &context->rsa, config, (struct span){chain, length}, err);
    if (done) describe(context, (struct span){chain, length});
    free(chain);
    return done && load_key(context, config->private_key, err);
}

static bool set_trust(struct tls_context *context, const struct config_tls *config, struct err *err)
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
                       config->client_ca);
    if (wolfSSL_CTX_SetMinRsaKey_Sz(ctx, WEAKEST_RSA_BITS) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_SetMinEccKey_Sz(ctx, WEAKEST_ECC_BITS) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL refuses the smallest key sizes");
    return true;
}

static void set_tickets(struct tls_context *context, const struct config_tls *config)
{
    WOLFSSL_CTX *ctx = context->wolfssl;
    int lifetime_s = (int)(config->session_tickets.lifetime_ms / 1000);
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

static void set_alpn(struct tls_context *context, const struct config_tls *config)
{
    size_t used = 0;
    for (size_t i = 0; i < config->alpn.count; i++) {
        size_t length = strlen(config->alpn.items[i]);
        if (used + length + 2 > sizeof context->alpn) return; /* the configuration is checked */
        if (used > 0) context->alpn[used++] = ',';
        memcpy(context->alpn + used, config->alpn.items[i], length);
        used += length;
    }
}

#ifdef POSTERN_SYSTEM_WOLFSSL
static bool set_staple(struct tls_context *context, const struct config_tls *config,
                       const struct config_certificate *certificate, struct err *err)
{
    (void)context;
    (void)certificate;
    return strcmp(config->ocsp_stapling, "off") == 0 ||
           err_set(err, "ocsp_stapling needs the wolfSSL that Postern is built with by default; "
                        "this build links the system's: set it to off");
}
#else
static void *allocate(size_t size)
{
    return XMALLOC(size, NULL, DYNAMIC_TYPE_TMP_BUFFER);
}

/* Asked in a handshake, if the client wants an answer. */
static int on_status(WOLFSSL *ssl, void *arg)
{
    struct tls_context *context = arg;
    size_t length = 0;
    uint8_t *answer = staple_copy(&context->staple, &length, time(NULL), allocate);
    if (answer == NULL) return WOLFSSL_OCSP_STATUS_CB_NOACK;
    (void)wolfSSL_set_tlsext_status_ocsp_resp(ssl, answer, (int)length); /* it takes the answer */
    return WOLFSSL_OCSP_STATUS_CB_OK;
}

/* A file that cannot be used staples nothing; check says why, and a reload is refused. */
static void load_staple(struct tls_context *context, const char *certificate, const char *path)
{
    struct stapled stapled;
    struct ocsp_answer answer;
    size_t length = 0;
    if (!stapled_load(&stapled, certificate, NULL)) return;
    uint8_t *response = stapled_answer_load(&stapled, path, time(NULL), &answer, &length, NULL);
    if (response != NULL &&
        !staple_set(&context->staple, (struct span){response, length}, answer.next_update))
        length = 0; /* without memory nothing is stapled either */
    free(response);
    stapled_clear(&stapled);
}

static bool set_staple(struct tls_context *context, const struct config_tls *config,
                       const struct config_certificate *certificate, struct err *err)
{
    if (strcmp(config->ocsp_stapling, "off") == 0) return true;
    if (wolfSSL_CTX_EnableOCSPStapling(context->wolfssl) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_tlsext_status_cb(context->wolfssl, on_status) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_tlsext_status_arg(context->wolfssl, context) != WOLFSSL_SUCCESS)
        return err_set(err, "wolfSSL was built without OCSP stapling");
    if (strcmp(config->ocsp_stapling, "auto") != 0)
        load_staple(context, certificate->certificate, config->ocsp_stapling);
    return true;
}
#endif

static bool load(struct tls_context *context, const struct config_certificate *certificate,
                 const struct config_listener *listener, struct err *err)
{
    const struct config_tls *config = &listener->tls;
    context->certificate_required = config->client_certificate ==
                                    CONFIG_CLIENT_CERTIFICATE_REQUIRED;
    context->max_chain_depth = config->max_chain_depth;
    context->wolfssl = wolfSSL_CTX_new(method_for(config));
    if (context->wolfssl == NULL) return err_set(err, "out of memory");
    set_alpn(context, config);
    if (!set_versions_and_suites(context, config, err) || !load_pair(context, certificate, err) ||
        !set_trust(context, config, err) || !set_staple(context, config, certificate, err))
        return false;
    set_tickets(context, config);
    wolfSSL_CTX_SetIORecv(context->wolfssl, tls_stream_on_receive);
    wolfSSL_CTX_SetIOSend(context->wolfssl, tls_stream_on_send);
    (void)wolfSSL_CTX_set_group_messages(context->wolfssl); /* fails for NULL only */
    return tls_digest_binding(context->binding, listener, &context->names, context->trust) ||
           err_set(err, "out of memory");
}

struct tls_context_set *tls_context_set_new(const struct config_listener *listener,
                                            struct ticket_keys *tickets, struct tls_trust *trust,
                                            struct err *err)
{
    const struct config_tls *config = &listener->tls;
    struct tls_context_set *set = calloc(1, sizeof *set);
    if (set != NULL) set->items = calloc(config->certificates_count, sizeof *set->items);
    if (set == NULL || set->items == NULL) {
        free(set);
        err_set(err, "out of memory");
        return NULL;
    }
    atomic_init(&set->references, 1);
    set->refuse_unknown_name = config->refuse_unknown_server_name;
    set->trust = tls_trust_ref(trust);
    set->tickets = ticket_keys_ref(tickets);
    if (!tls_digest_inputs(set->inputs, listener, tickets, trust, err)) goto fail;
    for (size_t i = 0; i < config->certificates_count; i++) {
        struct tls_context *context = &set->items[set->count++];
        context->tickets = tickets;
        context->trust = trust;
        staple_init(&context->staple);
        if (!load(context, &config->certificates[i], listener, err)) goto fail;
    }
    return set;
fail:
    tls_context_set_unref(set);
    return NULL;
}

struct tls_context_set *tls_context_set_ref(struct tls_context_set *set)
{
    (void)atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void tls_context_set_unref(struct tls_context_set *set)
{
    if (set == NULL) return;
    if (atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < set->count; i++) {
        names_clear(&set->items[i].names);
        staple_clear(&set->items[i].staple);
        wolfSSL_CTX_free(set->items[i].wolfssl);
    }
    tls_trust_unref(set->trust);
    ticket_keys_unref(set->tickets);
    free(set->items);
    free(set);
}

void tls_context_set_trust(struct tls_context_set *set, struct tls_trust *trust)
{
    struct tls_trust *before = set->trust;
    set->trust = tls_trust_ref(trust);
    for (size_t i = 0; i < set->count; i++)
        set->items[i].trust = trust;
    tls_trust_unref(before);
}
