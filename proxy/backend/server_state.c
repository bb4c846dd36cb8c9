// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/server_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static void lock(struct server_state *state)
{
    (void)pthread_mutex_lock(&state->lock); /* a plain mutex cannot fail */
}

static void unlock(struct server_state *state)
{
    (void)pthread_mutex_unlock(&state->lock);
}

struct server_state *server_state_new(unsigned most)
{
    struct server_state *state = calloc(1, sizeof *state);
    if (state == NULL) return NULL;
    atomic_init(&state->references, 1);
    atomic_init(&state->most, most);
    (void)pthread_mutex_init(&state->lock, NULL); /* cannot fail for a plain mutex */
    return state;
}

struct server_state *server_state_ref(struct server_state *state)
{
    (void)atomic_fetch_add_explicit(&state->references, 1, memory_order_relaxed);
    return state;
}

void server_state_unref(struct server_state *state)
{
    if (state == NULL) return;
    if (atomic_fetch_sub_explicit(&state->references, 1, memory_order_acq_rel) != 1) return;
    server_addresses_unref(state->addresses);
    (void)pthread_mutex_destroy(&state->lock); /* nobody holds it any more */
    free(state);
}

/* ----------------------------------------------------------------------------------------- vitals
 */

/* After each change, under the lock. */
static void publish(struct server_state *state, bool changed)
{
    const struct vitals *vitals = &state->vitals;
    if (changed) state->since_ms = clock_wall_ms();
    atomic_store_explicit(&state->down, vitals->down, memory_order_relaxed);
    atomic_store_explicit(&state->troubled, vitals->down || vitals->dials > 0,
                          memory_order_relaxed);
}

static void say(struct server_state *state, const char *why)
{
    (void)snprintf(state->words, sizeof state->words, "%s", why);
}

bool server_state_dialled(struct server_state *state, const struct vitals_rule *rule,
                          const char *why, uint64_t now_ms)
{
    if (why == NULL && !atomic_load_explicit(&state->troubled, memory_order_relaxed)) return false;
    lock(state);
    bool changed = vitals_dial(&state->vitals, rule, why == NULL, now_ms);
    if (changed && why != NULL)
        (void)snprintf(state->words, sizeof state->words, "%d dials in a row failed: %s",
                       VITALS_DIALS, why);
    else if (why != NULL && !state->vitals.down)
        say(state, why);
    else if (changed)
        say(state, "a client has reached it");
    publish(state, changed);
    unlock(state);
    return changed;
}

bool server_state_checked(struct server_state *state, const struct vitals_rule *rule,
                          const char *why)
{
    lock(state);
    bool changed = vitals_check(&state->vitals, rule, why == NULL);
    if (why != NULL && (changed || state->vitals.down))
        (void)snprintf(state->words, sizeof state->words, "its check fails: %s", why);
    else if (why != NULL)
        say(state, why);
    else if (changed)
        say(state, "its check succeeds");
    publish(state, changed);
    unlock(state);
    return changed;
}

bool server_state_take_dial(struct server_state *state, const struct vitals_rule *rule,
                            uint64_t now_ms)
{
    if (!atomic_load_explicit(&state->down, memory_order_relaxed)) return true;
    if (rule->checked) return false;
    lock(state);
    bool taken = vitals_take_dial(&state->vitals, rule, now_ms);
    unlock(state);
    return taken;
}

bool server_state_may_dial(struct server_state *state, const struct vitals_rule *rule,
                           uint64_t now_ms)
{
    if (!atomic_load_explicit(&state->down, memory_order_relaxed)) return true;
    if (rule->checked) return false;
    lock(state);
    bool due = now_ms >= state->vitals.retry_ms;
    unlock(state);
    return due;
}

bool server_state_in_doubt(struct server_state *state)
{
    lock(state);
    bool in_doubt = vitals_in_doubt(&state->vitals);
    unlock(state);
    return in_doubt;
}

void server_state_words(struct server_state *state, char out[SERVER_WORDS])
{
    lock(state);
    (void)snprintf(out, SERVER_WORDS, "%s", state->words);
    unlock(state);
}

int64_t server_state_since_ms(struct server_state *state)
{
    lock(state);
    int64_t since_ms = state->since_ms;
    unlock(state);
    return since_ms;
}

/* -------------------------------------------------------------------------------------- addresses
 */

struct server_addresses *server_addresses_new(size_t count)
{
    struct server_addresses *addresses = calloc(1, sizeof *addresses +
                                                       count * sizeof addresses->items[0]);
    if (addresses == NULL) return NULL;
    atomic_init(&addresses->references, 1);
    addresses->count = count;
    return addresses;
}

void server_addresses_unref(struct server_addresses *addresses)
{
    if (addresses == NULL) return;
    if (atomic_fetch_sub_explicit(&addresses->references, 1, memory_order_acq_rel) == 1)
        free(addresses);
}

void server_state_resolve(struct server_state *state, struct server_addresses *addresses,
                          const char *why)
{
    struct server_addresses *before = NULL;
    lock(state);
    if (addresses != NULL) {
        before = state->addresses;
        state->addresses = addresses;
        state->unresolved[0] = '\0';
    } else if (state->addresses == NULL) {
        (void)snprintf(state->unresolved, sizeof state->unresolved, "%s", why);
        if (!state->vitals.down) say(state, why);
    }
    unlock(state);
    server_addresses_unref(before);
}

struct server_addresses *server_state_addresses(struct server_state *state, char why[SERVER_WORDS])
{
    lock(state);
    struct server_addresses *addresses = state->addresses;
    if (addresses != NULL)
        (void)atomic_fetch_add_explicit(&addresses->references, 1, memory_order_relaxed);
    (void)snprintf(why, SERVER_WORDS, "%s", state->unresolved);
    unlock(state);
    return addresses;
}
