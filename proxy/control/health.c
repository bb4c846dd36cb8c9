// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/health.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proxy/backend/findings.h"
#include "proxy/backend/probe.h"

enum {
    DOUBT_MS = 1000, /* until the next check of a server in doubt */
    LOOK_MS = 250,   /* for such servers, of which the workers do not tell us */
    FIRST_MS = 500   /* within which servers are checked that are new, and count as up so far */
};

/* A server that is checked. */
struct target {
    struct target *next;
    struct health *health;
    struct server_state *state; /* whose it is, whatever generation names it */
    struct pool *pool;          /* the generation's that is seen */
    int server;
    bool wanted;
    bool checked;        /* once at least */
    struct probe *probe; /* NULL: none is under way */
    uint64_t began_ms;
    uint64_t due_ms; /* the next check, or the end of the one that is under way */
};

struct health {
    uv_timer_t tick;
    uv_loop_t *loop;
    const struct fleet *fleet;
    struct snapshot *seen; /* the generation whose servers are known; a reference */
    struct target *targets;
    bool stopped;
};

/* ---------------------------------------------------------------------------------------- checking
 */

/* Of 0 to `most`, so that the checks of many servers, and of many Posterns, are spread. */
static uint64_t any_up_to(uint64_t most)
{
    uint32_t number = 0;
    (void)uv_random(NULL, NULL, &number, sizeof number, 0, NULL); /* 0 will do as well */
    return most * number / UINT32_MAX;
}

/* An interval, give or take a tenth; after the first check, which they all have at once, any time
 * within it. */
static void plan_next(struct target *target)
{
    uint64_t interval_ms = target->pool->config->health.interval_ms;
    uint64_t pause_ms = target->checked
                            ? interval_ms - interval_ms / 10 + any_up_to(interval_ms / 5)
                            : any_up_to(interval_ms);
    target->due_ms = target->began_ms + pause_ms;
    target->checked = true;
}

static void on_tick(uv_timer_t *timer);

static void wake_at(struct health *health, uint64_t due_ms, uint64_t now_ms)
{
    uint64_t delay_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    if (uv_is_active((uv_handle_t *)&health->tick) &&
        uv_timer_get_due_in(&health->tick) <= delay_ms)
        return;
    (void)uv_timer_start(&health->tick, on_tick, delay_ms, 0); /* always 0 */
}

static void on_done(void *owner, enum probe_result result, const char *why)
{
    struct target *target = owner;
    target->probe = NULL;
    if (result == PROBE_IMPOSSIBLE) {
        target->due_ms = target->began_ms + DOUBT_MS;
    } else {
        findings_of_check(target->pool, target->server, why, clock_monotonic_ms());
        plan_next(target);
    }
    wake_at(target->health, target->due_ms, clock_monotonic_ms());
}

static bool is_due(const struct target *target, uint64_t now_ms)
{
    if (now_ms >= target->due_ms) return true;
    return now_ms >= target->began_ms + DOUBT_MS && server_state_in_doubt(target->state);
}

static void look_at(struct target *target, uint64_t now_ms)
{
    if (target->probe != NULL) {
        if (now_ms >= target->due_ms) probe_expire(target->probe);
    } else if (is_due(target, now_ms)) {
        target->began_ms = now_ms;
        target->due_ms = now_ms + target->pool->config->health.timeout_ms; /* for the probe */
        target->probe = probe_start(target->health->loop, target->pool, target->server, on_done,
                                    target);
    }
    wake_at(target->health, target->due_ms, now_ms);
}

/* ----------------------------------------------------------------------------------------- targets
 */

static struct target *find(const struct health *health, const struct server_state *state)
{
    for (struct target *target = health->targets; target != NULL; target = target->next)
        if (target->state == state) return target;
    return NULL;
}

/* A server of a new generation; one that is known goes on as it was. */
static void want(struct health *health, struct pool *pool, int server, uint64_t now_ms)
{
    struct server_state *state = pool->servers[server].state;
    struct target *target = find(health, state);
    uint64_t interval_ms = pool->config->health.interval_ms;
    uint64_t due_ms = now_ms + any_up_to(interval_ms);
    if (target == NULL) {
        target = calloc(1, sizeof *target);
        if (target == NULL) return; /* it is not checked, and clients find out */
        target->health = health;
        target->state = server_state_ref(state);
        target->due_ms = now_ms + any_up_to(interval_ms < FIRST_MS ? interval_ms : FIRST_MS);
        target->next = health->targets;
        health->targets = target;
    }
    if (target->due_ms > due_ms) target->due_ms = due_ms; /* the interval may have become shorter */
    target->pool = pool;
    target->server = server;
    target->wanted = true;
}

static void break_off(struct target *target, uint64_t now_ms)
{
    if (target->probe != NULL) {
        probe_cancel(target->probe);
        target->probe = NULL;
        target->due_ms = now_ms; /* again, and by the new settings */
    }
    target->wanted = false;
}

static void drop_unwanted(struct health *health)
{
    struct target **link = &health->targets;
    while (*link != NULL) {
        struct target *target = *link;
        if (target->wanted) {
            link = &target->next;
            continue;
        }
        *link = target->next;
        server_state_unref(target->state);
        free(target);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct health *health = CONTAINER_OF(timer, struct health, tick);
    uint64_t now_ms = clock_monotonic_ms();
    if (health->stopped) return;
    if (health->targets != NULL) wake_at(health, now_ms + LOOK_MS, now_ms);
    for (struct target *target = health->targets; target != NULL; target = target->next)
        look_at(target, now_ms);
}

void health_look(struct health *health)
{
    uint64_t now_ms = clock_monotonic_ms();
    for (struct target *target = health->targets; target != NULL; target = target->next)
        break_off(target, now_ms);
    snapshot_unref(health->seen);
    health->seen = snapshot_ref(health->fleet->snapshot);
    for (size_t i = 0; i < health->seen->config->backends_count; i++) {
        struct pool *pool = &health->seen->pools[i];
        if (pool->builtin != NULL || pool->config->health.type == CONFIG_CHECK_OFF) continue;
        for (size_t server = 0; server < pool->count; server++)
            want(health, pool, (int)server, now_ms);
    }
    drop_unwanted(health);
    (void)uv_timer_start(&health->tick, on_tick, 0, 0); /* always 0 */
}

struct health *health_start(uv_loop_t *loop, const struct fleet *fleet)
{
    struct health *health = calloc(1, sizeof *health);
    if (health == NULL) return NULL;
    health->loop = loop;
    health->fleet = fleet;
    (void)uv_timer_init(loop, &health->tick); /* always 0 */
    health_look(health);
    return health;
}

void health_stop(struct health *health)
{
    if (health == NULL || health->stopped) return;
    health->stopped = true;
    for (struct target *target = health->targets; target != NULL; target = target->next)
        break_off(target, 0);
    drop_unwanted(health);
    snapshot_unref(health->seen);
    health->seen = NULL;
}

void health_free(struct health *health)
{
    if (health == NULL) return;
    health_stop(health);
    free(health);
}
