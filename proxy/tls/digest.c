// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/digest.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/tls/wolfssl.h"

#include "base/file.h"

static bool hash_text(wc_Sha256 *hash, const char *text)
{
    return wc_Sha256Update(hash, (const byte *)text, (word32)strlen(text) + 1) == 0;
}

static bool hash_texts(wc_Sha256 *hash, const struct config_strings *texts)
{
    uint8_t count = (uint8_t)texts->count;
    bool done = wc_Sha256Update(hash, &count, 1) == 0;
    for (size_t i = 0; i < texts->count; i++)
        done = done && hash_text(hash, texts->items[i]);
    return done;
}

static bool hash_file(wc_Sha256 *hash, const char *path, struct err *err)
{
    size_t length = 0;
    uint8_t *content = file_read(path, TLS_DIGEST_LARGEST_FILE, &length, err);
    if (content == NULL) return false;
    bool done = hash_text(hash, path) && wc_Sha256Update(hash, content, (word32)length) == 0;
    explicit_bzero(content, length); /* it may be a key */
    free(content);
    return done || err_set(err, "out of memory");
}

static bool hash_settings(wc_Sha256 *hash, const struct config_listener *listener,
                          const struct ticket_keys *tickets, const struct tls_trust *trust)
{
    const struct config_tls *config = &listener->tls;
    uint64_t numbers[] = {config->refuse_unknown_server_name,
                          (uint64_t)config->min_version,
                          (uint64_t)config->max_version,
                          (uint64_t)config->profile,
                          config->session_tickets.lifetime_ms,
                          (uint64_t)config->client_certificate,
                          config->crl_allow_outdated,
                          config->client_crl.count > 0,
                          config->max_chain_depth,
                          (uint64_t)(uintptr_t)tickets};
    return hash_text(hash, listener->name) && hash_texts(hash, &config->cipher_suites) &&
           hash_texts(hash, &config->groups) && hash_texts(hash, &config->alpn) &&
           wc_Sha256Update(hash, (const byte *)numbers, sizeof numbers) == 0 &&
           (trust == NULL || wc_Sha256Update(hash, tls_trust_digest(trust), 32) == 0);
}

bool tls_digest_inputs(uint8_t out[TLS_DIGEST_BYTES], const struct config_listener *listener,
                       const struct ticket_keys *tickets, const struct tls_trust *trust,
                       struct err *err)
{
    wc_Sha256 hash;
    const struct config_tls *config = &listener->tls;
    if (wc_InitSha256(&hash) != 0) return err_set(err, "out of memory");
    bool done = hash_settings(&hash, listener, tickets, trust) || err_set(err, "out of memory");
    for (size_t i = 0; done && i < config->certificates_count; i++)
        done = hash_file(&hash, config->certificates[i].certificate, err) &&
               hash_file(&hash, config->certificates[i].private_key, err) &&
               (hash_texts(&hash, &config->certificates[i].server_names) ||
                err_set(err, "out of memory"));
    done = done && (hash_text(&hash, config->ocsp_stapling) || err_set(err, "out of memory"));
    bool has_file = strcmp(config->ocsp_stapling, "off") != 0 &&
                    strcmp(config->ocsp_stapling, "auto") != 0;
    if (done && has_file) (void)hash_file(&hash, config->ocsp_stapling, NULL); /* may be missing */
    if (done && wc_Sha256Final(&hash, out) != 0) done = err_set(err, "out of memory");
    wc_Sha256Free(&hash);
    return done;
}

bool tls_digest_binding(uint8_t out[TLS_DIGEST_BYTES], const struct config_listener *listener,
                        const struct config_strings *names, const struct tls_trust *trust)
{
    wc_Sha256 hash;
    uint8_t mode[] = {
        (uint8_t)listener->tls.client_certificate, (uint8_t)listener->tls.max_chain_depth,
        (uint8_t)listener->tls.crl_allow_outdated, listener->tls.client_crl.count > 0};
    if (wc_InitSha256(&hash) != 0) return false;
    bool done = hash_text(&hash, listener->name);
    for (size_t i = 0; i < names->count; i++)
        done = done && hash_text(&hash, names->items[i]);
    done = done && wc_Sha256Update(&hash, mode, sizeof mode) == 0;
    if (trust != NULL) done = done && wc_Sha256Update(&hash, tls_trust_digest(trust), 32) == 0;
    done = done && wc_Sha256Final(&hash, out) == 0;
    wc_Sha256Free(&hash);
    return done;
}
