// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/recorder.h"

#include "base/attributes.h"

static void on_timer(uv_timer_t *timer)
{
    const struct recorder *recorder = CONTAINER_OF(timer, struct recorder, timer);
    history_sample(recorder->history, recorder->fleet->snapshot);
}

void recorder_start(struct recorder *recorder, uv_loop_t *loop, struct history *history,
                    const struct fleet *fleet)
{
    *recorder = (struct recorder){.history = history, .fleet = fleet};
    (void)uv_timer_init(loop, &recorder->timer); /* these always 0 */
    (void)uv_timer_start(&recorder->timer, on_timer, HISTORY_INTERVAL_MS, HISTORY_INTERVAL_MS);
}
