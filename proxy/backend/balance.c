// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/balance.h"

#include <assert.h>

enum { HEAVIEST = 65535 };

static uint64_t weight_of(const struct balance_server *server)
{
    if (server->weight == 0) return 1;
    return server->weight < HEAVIEST ? server->weight : HEAVIEST;
}

/* -------------------------------------------------------------------------------------- hashing */

/* FNV-1a: cheap, and the same everywhere; what it lacks in strength `mix` adds. */
static uint64_t fnv(struct span text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ text.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* A bijection in which each bit depends on all (the finalizer of SplitMix64). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t balance_server_key(const char *address)
{
    return mix(fnv(span_of(address)));
}

/* -log2(hash / 2^64) with 24 fractional bits. In integers, because replicas on other machines must
 * come to the same order, and libraries differ in the last bit of log(). */
static uint64_t minus_log2(uint64_t hash)
{
    uint64_t log = 0;
    hash |= 1;
    unsigned zeros = (unsigned)__builtin_clzll(hash);
    uint64_t mantissa = hash << zeros >> 32; /* in [1, 2), 31 fractional bits */
    for (unsigned bit = 0; bit < 24; bit++) {
        mantissa = mantissa * mantissa >> 31;
        log <<= 1;
        if (mantissa >> 32 != 0) {
            mantissa >>= 1;
            log |= 1;
        }
    }
    return ((uint64_t)(zeros + 1) << 24) - log;
}

/* Weighted rendezvous: each server draws -log(u) / weight for this client, the least wins. A server
 * that comes or goes changes no other's draw. */
static int by_client_id(const struct balance_server *servers, size_t count, struct span client_id)
{
    int best = BALANCE_NONE;
    uint64_t least = 0;
    uint64_t client = mix(fnv(client_id));
    for (size_t i = 0; i < count; i++) {
        if (!servers[i].usable) continue;
        uint64_t draw = minus_log2(mix(mix(client ^ servers[i].key) + client));
        if (best == BALANCE_NONE ||
            draw * weight_of(&servers[best]) < least * weight_of(&servers[i])) {
            best = (int)i;
            least = draw;
        }
    }
    return best;
}

/* ---------------------------------------------------------------------------- least connections */

/* Per weight, with the connection that would come; among equals the one whose turn it is. */
static int by_connections(const struct balance_server *servers, size_t count, uint64_t turn)
{
    int best = BALANCE_NONE;
    for (size_t step = 0; step < count; step++) {
        size_t i = (size_t)((turn + step) % count);
        if (!servers[i].usable) continue;
        if (best == BALANCE_NONE ||
            ((uint64_t)servers[i].connections + 1) * weight_of(&servers[best]) <
                ((uint64_t)servers[best].connections + 1) * weight_of(&servers[i]))
            best = (int)i;
    }
    return best;
}

/* ---------------------------------------------------------------------------------- round robin */

/* A server of weight w has the slots (k + 1/2) / w of a cycle. How many come up to `time`, a
 * fraction of the cycle with 32 bits. */
static uint64_t slots_until(const struct balance_server *server, uint64_t time)
{
    if (!server->usable) return 0;
    return (time * weight_of(server) + (UINT64_C(1) << 31)) >> 32;
}

static uint64_t all_slots_until(const struct balance_server *servers, size_t count, uint64_t time)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += slots_until(&servers[i], time);
    return sum;
}

/* The owner of the slot whose turn it is, in the order of time; no state but the turn. */
static int by_turn(const struct balance_server *servers, size_t count, uint64_t turn)
{
    uint64_t early = 0;
    uint64_t late = UINT64_C(1) << 32;
    uint64_t slots = all_slots_until(servers, count, late);
    if (slots == 0) return BALANCE_NONE;
    uint64_t wanted = turn % slots;
    while (late - early > 1) { /* up to `early` there are at most `wanted` slots */
        uint64_t middle = early + (late - early) / 2;
        if (all_slots_until(servers, count, middle) <= wanted)
            early = middle;
        else
            late = middle;
    }
    uint64_t passed = all_slots_until(servers, count, early);
    for (size_t i = 0; i < count; i++) {
        passed += slots_until(&servers[i], late) - slots_until(&servers[i], early);
        if (passed > wanted) return (int)i;
    }
    return BALANCE_NONE;
}

int balance_choose(enum config_balance method, const struct balance_server *servers, size_t count,
                   uint64_t turn, struct span client_id)
{
    assert(count <= BALANCE_MOST_SERVERS);
    switch (method) {
    case CONFIG_LEAST_CONNECTIONS:
        return by_connections(servers, count, turn);
    case CONFIG_CLIENT_ID:
        if (client_id.length > 0) return by_client_id(servers, count, client_id);
        break;
    case CONFIG_ROUND_ROBIN:
        break;
    }
    return by_turn(servers, count, turn);
}
