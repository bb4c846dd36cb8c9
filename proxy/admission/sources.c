// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admission/sources.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A source has a place in one set of eight, so that finding it and making room look at no more. */
enum { WAYS = 8, SETS = SOURCES_MOST / WAYS, LOCKS = 64, LEAST_SPARE = 64 };

struct entry {
    uint64_t network;
    uint32_t generation; /* of the slot: 0: never used */
    uint32_t connections;
    uint32_t over; /* those that are being told that they are too many */
    uint32_t failures;
    uint64_t window_ends_ms;
    uint64_t blocked_until_ms;
};

struct sources {
    atomic_uint references;
    pthread_mutex_t locks[LOCKS]; /* each around every LOCKSth set */
    struct entry entries[SOURCES_MOST];
};

struct sources *sources_new(void)
{
    struct sources *sources = calloc(1, sizeof *sources); /* pages come as they are written */
    if (sources == NULL) return NULL;
    hash_init();
    atomic_init(&sources->references, 1);
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&sources->locks[i], NULL); /* cannot fail for a plain mutex */
    return sources;
}

struct sources *sources_ref(struct sources *sources)
{
    (void)atomic_fetch_add_explicit(&sources->references, 1, memory_order_relaxed);
    return sources;
}

void sources_unref(struct sources *sources)
{
    if (sources == NULL) return;
    if (atomic_fetch_sub_explicit(&sources->references, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&sources->locks[i]); /* nobody holds it any more */
    free(sources);
}

/* The first half of an IPv6 address, in which whoever has one has 2^64; the last of an IPv4-mapped
 * one. */
static uint64_t network_of(const struct in6_addr *address)
{
    uint64_t network = 0;
    bool ipv4 = IN6_IS_ADDR_V4MAPPED(address);
    memcpy(&network, address->s6_addr + (ipv4 ? 8 : 0), sizeof network);
    return network;
}

static pthread_mutex_t *lock_of(struct sources *sources, size_t set)
{
    pthread_mutex_t *lock = &sources->locks[set % LOCKS];
    (void)pthread_mutex_lock(lock); /* a plain mutex cannot fail */
    return lock;
}

static void unlock(pthread_mutex_t *lock)
{
    (void)pthread_mutex_unlock(lock); /* as above */
}

/* What would be forgotten with it. */
static uint64_t interest(const struct entry *entry, uint64_t now_ms)
{
    if (now_ms < entry->blocked_until_ms) return UINT64_MAX;
    return (uint64_t)entry->connections + entry->over +
           (now_ms < entry->window_ends_ms ? entry->failures : 0);
}

/* The entry of a source; a new one has the place of the least interesting. NULL: all of those are
 * blocked, and a stranger must not set one of them free. */
static struct entry *find(struct sources *sources, size_t set, uint64_t network, uint64_t now_ms)
{
    struct entry *least = NULL;
    uint64_t least_interest = UINT64_MAX;
    for (size_t i = 0; i < WAYS; i++) {
        struct entry *entry = &sources->entries[set * WAYS + i];
        if (entry->generation != 0 && entry->network == network) return entry;
        uint64_t its = interest(entry, now_ms);
        if (its >= least_interest) continue;
        least = entry;
        least_interest = its;
    }
    if (least == NULL) return NULL;
    uint32_t generation = least->generation + 1;
    *least = (struct entry){.network = network, .generation = generation == 0 ? 1 : generation};
    return least;
}

uint64_t sources_spare(uint64_t limit, uint64_t least)
{
    return limit / 8 + least;
}

static uint32_t *place_of(struct entry *entry, struct sources_ticket ticket)
{
    return ticket.is_over ? &entry->over : &entry->connections;
}

static enum sources_verdict judge(const struct entry *entry, const struct config_limits *limits,
                                  uint64_t now_ms)
{
    uint64_t most = limits->max_connections_per_source;
    if (limits->penalised && now_ms < entry->blocked_until_ms) return SOURCES_BLOCKED;
    if (most == 0 || entry->connections < most) return SOURCES_WELCOME;
    return entry->over < sources_spare(most, LEAST_SPARE) ? SOURCES_OVER : SOURCES_FAR_OVER;
}

enum sources_verdict sources_enter(struct sources *sources, const struct in6_addr *address,
                                   const struct config_limits *limits, uint64_t now_ms,
                                   struct sources_ticket *ticket)
{
    uint64_t network = network_of(address);
    size_t set = hash_keyed(&network, sizeof network) % SETS;
    enum sources_verdict verdict = SOURCES_WELCOME;
    *ticket = (struct sources_ticket){0};
    pthread_mutex_t *lock = lock_of(sources, set);
    struct entry *entry = find(sources, set, network, now_ms);
    if (entry != NULL) verdict = judge(entry, limits, now_ms);
    if (entry != NULL && (verdict == SOURCES_WELCOME || verdict == SOURCES_OVER)) {
        ticket->slot = (uint32_t)(entry - sources->entries) & (SOURCES_MOST - 1);
        ticket->generation = entry->generation;
        ticket->is_over = verdict == SOURCES_OVER;
        *place_of(entry, *ticket) += 1;
    }
    unlock(lock);
    return verdict;
}

void sources_leave(struct sources *sources, struct sources_ticket ticket)
{
    if (ticket.generation == 0) return;
    size_t slot = ticket.slot;
    struct entry *entry = &sources->entries[slot];
    pthread_mutex_t *lock = lock_of(sources, slot / WAYS);
    /* Another source may be there by now. */
    if (entry->generation == ticket.generation) *place_of(entry, ticket) -= 1;
    unlock(lock);
}

bool sources_fail(struct sources *sources, const struct in6_addr *address,
                  const struct config_penalty *penalty, uint64_t now_ms)
{
    uint64_t network = network_of(address);
    size_t set = hash_keyed(&network, sizeof network) % SETS;
    pthread_mutex_t *lock = lock_of(sources, set);
    struct entry *entry = find(sources, set, network, now_ms);
    bool begins = false;
    if (entry != NULL && now_ms >= entry->blocked_until_ms) {
        if (now_ms >= entry->window_ends_ms) {
            entry->failures = 0;
            entry->window_ends_ms = now_ms + penalty->window_ms;
        }
        entry->failures++;
        begins = entry->failures >= penalty->failures;
    }
    if (begins) {
        entry->blocked_until_ms = now_ms + penalty->block_ms;
        entry->failures = 0;
        entry->window_ends_ms = 0;
    }
    unlock(lock);
    return begins;
}

size_t sources_blocked(struct sources *sources, uint64_t now_ms)
{
    size_t count = 0;
    for (size_t set = 0; set < SETS; set++) {
        pthread_mutex_t *lock = lock_of(sources, set);
        for (size_t i = 0; i < WAYS; i++)
            count += now_ms < sources->entries[set * WAYS + i].blocked_until_ms;
        unlock(lock);
    }
    return count;
}
