// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/password.h"

#include <argon2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    SALT_BYTES = 16,
    HASH_BYTES = 32,
    MOST_MEMORY_KIB = 1024 * 1024,
    MOST_PASSES = 64,
    MOST_LANES = 16
};

bool password_hash(struct span password, char out[static PASSWORD_HASH_ROOM], struct err *err)
{
    uint8_t salt[SALT_BYTES];
    CHECK(getrandom(salt, sizeof salt, 0) == (ssize_t)sizeof salt);
    int status = argon2id_hash_encoded(PASSWORD_PASSES, PASSWORD_MEMORY_KIB, 1, password.data,
                                       password.length, salt, sizeof salt, HASH_BYTES, out,
                                       PASSWORD_HASH_ROOM);
    if (status == ARGON2_OK) return true;
    return err_set(err, "cannot hash the password: %s", argon2_error_message(status));
}

bool password_matches(const char *hash, struct span password)
{
    return argon2id_verify(hash, password.data, password.length) == ARGON2_OK;
}

bool password_hash_is_valid(const char *hash)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned memory_kib = 0;
    unsigned passes = 0;
    unsigned lanes = 0;
    int head = 0;
    // NOLINTNEXTLINE(cert-err34-c): a number that is out of range is over its bound below, or wraps
    int found = sscanf(hash, "$argon2id$v=19$m=%7u,t=%3u,p=%3u$%n", &memory_kib, &passes, &lanes,
                       &head);
    if (found != 3 || head == 0 || strlen(hash) >= PASSWORD_HASH_ROOM) return false;
    if (memory_kib < 8 * lanes || memory_kib > MOST_MEMORY_KIB || passes < 1 ||
        passes > MOST_PASSES || lanes < 1 || lanes > MOST_LANES)
        return false;
    size_t salt = strspn(hash + head, base64);
    if (salt < 11 || hash[(size_t)head + salt] != '$') return false; /* 8 bytes at least */
    const char *digest = hash + head + salt + 1;
    size_t length = strspn(digest, base64);
    return length >= 22 && digest[length] == '\0';
}
