// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/drain.h"

#include "base/clock.h"
#include "base/log.h"

enum { POLL_MS = 50 };

void drain_init(struct drain *drain, uv_loop_t *loop, struct fleet *fleet, drain_over_fn *on_over)
{
    *drain = (struct drain){.fleet = fleet, .on_over = on_over};
    (void)uv_timer_init(loop, &drain->timer); /* always 0 */
}

static void on_poll(uv_timer_t *timer)
{
    struct drain *drain = CONTAINER_OF(timer, struct drain, timer);
    if (fleet_is_empty(drain->fleet) || clock_monotonic_ms() >= drain->ends_ms)
        drain->on_over(drain);
}

static void on_delay_over(uv_timer_t *timer)
{
    struct drain *drain = CONTAINER_OF(timer, struct drain, timer);
    const struct config_drain *config = &drain->fleet->snapshot->config->drain;
    struct log_line line;
    drain->ends_ms = clock_monotonic_ms() + config->timeout_ms;
    fleet_drain(drain->fleet);
    (void)uv_timer_start(&drain->timer, on_poll, POLL_MS, POLL_MS); /* always 0, as below */
    log_begin(&line, LOG_INFO, "draining");
    log_number(&line, "sessions", (int64_t)fleet_sessions(drain->fleet));
    log_number(&line, "spread_ms", (int64_t)config->spread_ms);
    log_number(&line, "timeout_ms", (int64_t)config->timeout_ms);
    log_end(&line);
}

void drain_begin(struct drain *drain, uint64_t delay_ms)
{
    struct log_line line;
    atomic_store(&drain->begun, true);
    if (delay_ms == 0) {
        on_delay_over(&drain->timer);
        return;
    }
    (void)uv_timer_start(&drain->timer, on_delay_over, delay_ms, 0);
    log_begin(&line, LOG_INFO, "not ready any more");
    log_number(&line, "delay_ms", (int64_t)delay_ms);
    log_end(&line);
}
