// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/log_rotation.h"

#include "base/log.h"

enum { RETRY_MS = 2000 };

static void on_retry(uv_timer_t *timer)
{
    struct err err = {{0}};
    if (!log_reopen(&err)) return;
    (void)uv_timer_stop(timer); /* always 0 */
    log_note(LOG_INFO, "log file reopened");
}

void log_rotation_init(struct log_rotation *rotation, uv_loop_t *loop)
{
    (void)uv_timer_init(loop, &rotation->retry); /* always 0 */
}

void log_rotation_reopen(struct log_rotation *rotation)
{
    struct err err = {{0}};
    struct log_line line;
    (void)uv_timer_stop(&rotation->retry); /* always 0 */
    if (log_reopen(&err)) return;
    log_begin(&line, LOG_ERROR, "log file not reopened");
    log_number(&line, "retry_ms", RETRY_MS);
    log_text(&line, "error", err.text);
    log_end(&line);
    (void)uv_timer_start(&rotation->retry, on_retry, RETRY_MS, RETRY_MS); /* always 0 */
}
