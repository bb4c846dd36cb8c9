// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/attributes.h"

static uint64_t key[2];

static void draw_key(void)
{
    CHECK(getrandom(key, sizeof key, 0) == (ssize_t)sizeof key); /* never short below 256 bytes */
}

void hash_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, draw_key); /* fails for an invalid control only */
}

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void mix(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void take_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
}

uint32_t hash_keyed(const void *data, size_t length)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    const uint8_t *at = data;
    uint64_t word = 0;
    for (; length - (size_t)(at - (const uint8_t *)data) >= sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        take_word(v, word);
    }
    word = 0;
    size_t rest = length - (size_t)(at - (const uint8_t *)data);
    if (rest != 0) memcpy(&word, at, rest);
    take_word(v, word | (uint64_t)length << 56);
    v[2] ^= 0xff;
    mix(v);
    mix(v);
    mix(v);
    uint64_t sum = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t)(sum ^ sum >> 32);
}
