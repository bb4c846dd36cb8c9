// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/ticket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "proxy/tls/wolfssl.h"

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/random.h>

enum { MOST_KEYS = 8, KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, LINE_ROOM = 1024 };
enum { LARGEST_FILE = 1024 * 1024 };

struct ticket_key {
    uint8_t name[TICKET_NAME_BYTES];
    uint8_t secret[KEY_BYTES];
    time_t made;
};

struct ticket_keys {
    atomic_uint references;
    pthread_mutex_t lock;               /* around `items`; a key is copied out before it is used */
    struct ticket_key items[MOST_KEYS]; /* the newest first */
    size_t count;
    int64_t rotate_s; /* 0: never, the file decides */
    int64_t lifetime_s;
};

static bool random_bytes(uint8_t *out, size_t length)
{
    WC_RNG rng;
    if (wc_InitRng(&rng) != 0) return false;
    bool done = wc_RNG_GenerateBlock(&rng, out, (word32)length) == 0;
    (void)wc_FreeRng(&rng); /* it has done its work */
    return done;
}

static void push_key(struct ticket_keys *keys, const struct ticket_key *key)
{
    size_t kept = keys->count < MOST_KEYS ? keys->count : MOST_KEYS - 1;
    memmove(keys->items + 1, keys->items, kept * sizeof keys->items[0]);
    keys->items[0] = *key;
    keys->count = kept + 1;
}

static bool make_key(struct ticket_keys *keys, time_t now)
{
    struct ticket_key key = {.made = now};
    if (!random_bytes(key.name, sizeof key.name) || !random_bytes(key.secret, sizeof key.secret))
        return false;
    push_key(keys, &key);
    explicit_bzero(&key, sizeof key);
    return true;
}

/* The name and the secret of a key are two digests of the line's bytes. */
static bool derive_key(struct ticket_key *key, const uint8_t *seed, size_t length)
{
    uint8_t input[LINE_ROOM + 1];
    uint8_t digest[KEY_BYTES];
    memcpy(input + 1, seed, length);
    input[0] = 'n';
    bool done = wc_Sha256Hash(input, (word32)length + 1, digest) == 0;
    memcpy(key->name, digest, sizeof key->name);
    input[0] = 's';
    done = done && wc_Sha256Hash(input, (word32)length + 1, key->secret) == 0;
    explicit_bzero(input, sizeof input);
    return done;
}

static bool read_line(struct ticket_keys *keys, const char *line, const char *path, unsigned number,
                      struct err *err)
{
    uint8_t seed[LINE_ROOM];
    word32 length = sizeof seed;
    struct ticket_key key = {0};
    size_t text = strcspn(line, "\r\n");
    if (text == 0 || line[0] == '#') return true;
    if (Base64_Decode((const byte *)line, (word32)text, seed, &length) != 0 || length < KEY_BYTES)
        return err_set(err,
                       "%s:%u: not a ticket key: write one a line, at least %d random bytes in "
                       "base64 (openssl rand -base64 48)",
                       path, number, KEY_BYTES);
    bool made = derive_key(&key, seed, length);
    if (made) push_key(keys, &key);
    explicit_bzero(seed, sizeof seed);
    explicit_bzero(&key, sizeof key);
    return made || err_set(err, "%s:%u: cannot derive the ticket key", path, number);
}

static bool load_keys(struct ticket_keys *keys, const char *path, struct err *err)
{
    size_t length = 0;
    unsigned number = 0;
    bool good = true;
    char *rest = NULL;
    char *content = (char *)file_read(path, LARGEST_FILE, &length, err);
    if (content == NULL) return err_prefix(err, "ticket keys");
    for (char *line = content; good && line != NULL; line = rest) {
        rest = strchr(line, '\n');
        if (rest != NULL) *rest++ = '\0';
        good = read_line(keys, line, path, ++number, err);
    }
    explicit_bzero(content, length);
    free(content);
    if (good && keys->count == 0)
        return err_set(err, "%s holds no ticket key; add one (openssl rand -base64 48)", path);
    return good;
}

struct ticket_keys *ticket_keys_new(const char *key_file, int64_t rotate_s, int64_t lifetime_s,
                                    struct err *err)
{
    struct ticket_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        err_set(err, "out of memory for ticket keys");
        return NULL;
    }
    (void)pthread_mutex_init(&keys->lock, NULL); /* cannot fail for a plain mutex */
    atomic_init(&keys->references, 1);
    keys->lifetime_s = lifetime_s;
    if (key_file != NULL) {
        if (load_keys(keys, key_file, err)) return keys;
    } else {
        keys->rotate_s = rotate_s;
        if (make_key(keys, time(NULL))) return keys;
        err_set(err, "the system gives no random bytes for ticket keys");
    }
    ticket_keys_unref(keys);
    return NULL;
}

struct ticket_keys *ticket_keys_ref(struct ticket_keys *keys)
{
    if (keys != NULL) (void)atomic_fetch_add_explicit(&keys->references, 1, memory_order_relaxed);
    return keys;
}

bool ticket_keys_reload(struct ticket_keys *keys, const char *key_file, struct err *err)
{
    struct ticket_keys *fresh = ticket_keys_new(key_file, 0, keys->lifetime_s, err);
    if (fresh == NULL) return false;
    (void)pthread_mutex_lock(&keys->lock); /* a plain mutex cannot fail */
    memcpy(keys->items, fresh->items, sizeof keys->items);
    keys->count = fresh->count;
    (void)pthread_mutex_unlock(&keys->lock);
    ticket_keys_unref(fresh);
    return true;
}

void ticket_keys_unref(struct ticket_keys *keys)
{
    if (keys == NULL) return;
    if (atomic_fetch_sub_explicit(&keys->references, 1, memory_order_acq_rel) != 1) return;
    (void)pthread_mutex_destroy(&keys->lock); /* nobody holds it any more */
    explicit_bzero(keys, sizeof *keys);
    free(keys);
}

/* The newest key, which is a new one when it is time. */
static bool newest_key(struct ticket_keys *keys, struct ticket_key *out, time_t now)
{
    bool made = true;
    (void)pthread_mutex_lock(&keys->lock); /* a plain mutex of ours cannot fail */
    if (keys->rotate_s > 0 && now - keys->items[0].made >= keys->rotate_s)
        made = make_key(keys, now);
    *out = keys->items[0];
    (void)pthread_mutex_unlock(&keys->lock);
    return made;
}

static bool named_key(struct ticket_keys *keys, const uint8_t *name, struct ticket_key *out)
{
    bool found = false;
    (void)pthread_mutex_lock(&keys->lock);
    for (size_t i = 0; i < keys->count && !found; i++) {
        if (memcmp(keys->items[i].name, name, TICKET_NAME_BYTES) != 0) continue;
        *out = keys->items[i];
        found = true;
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return found;
}

/* AES-256-GCM in place; the key's name and the binding are authenticated with it. */
static bool apply_key(struct ticket_key *key, bool sealing, const uint8_t *binding,
                      struct ticket_envelope envelope, uint8_t *body, size_t length)
{
    uint8_t bound[TICKET_NAME_BYTES + TICKET_BINDING_BYTES];
    Aes aes;
    if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0) return false;
    memcpy(bound, key->name, TICKET_NAME_BYTES);
    memcpy(bound + TICKET_NAME_BYTES, binding, TICKET_BINDING_BYTES);
    int failed = wc_AesGcmSetKey(&aes, key->secret, KEY_BYTES);
    if (failed == 0 && sealing)
        failed = wc_AesGcmEncrypt(&aes, body, body, (word32)length, envelope.iv, NONCE_BYTES,
                                  envelope.mac, TAG_BYTES, bound, sizeof bound);
    else if (failed == 0)
        failed = wc_AesGcmDecrypt(&aes, body, body, (word32)length, envelope.iv, NONCE_BYTES,
                                  envelope.mac, TAG_BYTES, bound, sizeof bound);
    wc_AesFree(&aes);
    explicit_bzero(key, sizeof *key);
    return failed == 0;
}

/*  body (the library's own) | issued, 8 | resumptions, 1 | identity, 0 and more | length of these
 *  three, 2 */
static bool put_trailer(struct bytes_writer *out, const struct ticket_bearer *bearer, time_t now)
{
    size_t start = out->length;
    bytes_put_u32(out, (uint32_t)((uint64_t)now >> 32));
    bytes_put_u32(out, (uint32_t)now);
    bytes_put_u8(out, bearer->resumptions);
    if (bearer->identity != NULL && !identity_certificate_encode(out, bearer->identity))
        return false;
    bytes_put_u16(out, (uint16_t)(out->length - start));
    return bytes_writer_ok(out);
}

bool ticket_seal(struct ticket_keys *keys, const uint8_t *binding, struct ticket_envelope envelope,
                 uint8_t *body, size_t *length, size_t room, const struct ticket_bearer *bearer,
                 time_t now)
{
    struct ticket_key key;
    struct bytes_writer out = bytes_writer_of(body, room);
    out.length = *length;
    if (!put_trailer(&out, bearer, now) || !newest_key(keys, &key, now)) return false;
    memcpy(envelope.name, key.name, TICKET_NAME_BYTES);
    memset(envelope.mac, 0, TICKET_MAC_BYTES);
    if (!random_bytes(envelope.iv, TICKET_IV_BYTES)) return false;
    *length = out.length;
    return apply_key(&key, true, binding, envelope, body, out.length);
}

static bool read_trailer(const uint8_t *body, size_t *length, int64_t *issued,
                         struct ticket_bearer *bearer)
{
    enum { FIXED_BYTES = 9, LENGTH_BYTES = 2 };
    if (*length < FIXED_BYTES + LENGTH_BYTES) return false;
    size_t trailer = (size_t)body[*length - 2] << 8 | body[*length - 1];
    if (trailer < FIXED_BYTES || trailer > *length - LENGTH_BYTES) return false;
    struct bytes in = bytes_of(body + *length - LENGTH_BYTES - trailer, trailer);
    uint64_t high = bytes_u32(&in);
    *issued = (int64_t)(high << 32 | bytes_u32(&in));
    bearer->resumptions = bytes_u8(&in);
    *length -= LENGTH_BYTES + trailer;
    if (bytes_left(&in) == 0) return true;
    bearer->identity = identity_certificate_decode(&in);
    return bearer->identity != NULL;
}

bool ticket_open(struct ticket_keys *keys, const uint8_t *binding, struct ticket_envelope envelope,
                 uint8_t *body, size_t *length, struct ticket_bearer *bearer, time_t now)
{
    struct ticket_key key;
    int64_t issued = 0;
    *bearer = (struct ticket_bearer){NULL, 0};
    if (!named_key(keys, envelope.name, &key)) return false;
    if (!apply_key(&key, false, binding, envelope, body, *length)) return false;
    if (!read_trailer(body, length, &issued, bearer)) return false;
    bool fresh = issued <= now + 60 && now - issued < keys->lifetime_s;
    bool expired = bearer->identity != NULL && now >= bearer->identity->not_after;
    if (fresh && !expired && bearer->resumptions < TICKET_MOST_RESUMPTIONS) return true;
    free(bearer->identity);
    bearer->identity = NULL;
    return false;
}
