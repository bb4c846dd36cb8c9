// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/watchdog.h"

#include "base/clock.h"
#include "base/log.h"

/* The manager wants to hear something within watchdog_ms. A worker that is silent for half of that
 * is taken to hang; a healthy one is heard every 64 ms. */
enum { LOOKS_IN_TIME = 4 };

/* The number of a worker that hangs, from 1, or 0. */
static unsigned find_hung(const struct watchdog *watchdog)
{
    uint64_t limit_ms = watchdog->notify->watchdog_ms / 2;
    uint64_t now_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < watchdog->fleet->count; i++) {
        uint64_t seen_ms = worker_seen_ms(watchdog->fleet->workers[i]);
        if (now_ms > seen_ms && now_ms - seen_ms > limit_ms) return i + 1;
    }
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct watchdog *watchdog = CONTAINER_OF(timer, struct watchdog, timer);
    unsigned hung = find_hung(watchdog);
    struct log_line line;
    if (hung == 0) notify_send(watchdog->notify, "WATCHDOG=1");
    if (hung != 0 && hung != watchdog->hung) {
        log_begin(&line, LOG_ERROR, "a worker hangs: the service manager is told no sign of life");
        log_number(&line, "worker", hung - 1);
        log_end(&line);
    }
    watchdog->hung = hung;
}

void watchdog_start(struct watchdog *watchdog, uv_loop_t *loop, const struct notify *notify,
                    const struct fleet *fleet)
{
    uint64_t every_ms = notify->watchdog_ms / LOOKS_IN_TIME;
    *watchdog = (struct watchdog){.notify = notify, .fleet = fleet};
    (void)uv_timer_init(loop, &watchdog->timer); /* these always 0 */
    if (notify->watchdog_ms == 0) return;
    (void)uv_timer_start(&watchdog->timer, on_timer, 0, every_ms == 0 ? 1 : every_ms);
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (watchdog->notify != NULL) (void)uv_timer_stop(&watchdog->timer); /* always 0 */
}
