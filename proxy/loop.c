// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/loop.h"

#include <stdlib.h>

#include "base/clock.h"

static void on_tick(uv_timer_t *tick)
{
    struct loop *loop = CONTAINER_OF(tick, struct loop, tick);
    timer_wheel_advance(&loop->deadlines, clock_monotonic_ms());
}

bool loop_init(struct loop *loop, unsigned number, struct err *err)
{
    *loop = (struct loop){.number = number};
    loop->turns_end = &loop->turns;
    loop->ciphertext = malloc(LOOP_BUFFER_BYTES);
    loop->plaintext = malloc(LOOP_BUFFER_BYTES);
    if (loop->ciphertext == NULL || loop->plaintext == NULL ||
        !tls_io_init(&loop->tls, LOOP_BUFFER_BYTES)) {
        err_set(err, "out of memory for the buffers of worker %u", number);
        goto fail;
    }
    int failed = uv_loop_init(&loop->uv);
    if (failed != 0) {
        err_set(err, "cannot make the event loop of worker %u: %s", number, uv_strerror(failed));
        goto fail;
    }
    timer_wheel_init(&loop->deadlines, clock_monotonic_ms());
    (void)uv_timer_init(&loop->uv, &loop->tick); /* always 0 */
    (void)uv_timer_start(&loop->tick, on_tick, TIMER_WHEEL_TICK_MS, TIMER_WHEEL_TICK_MS);
    return true;
fail:
    free(loop->ciphertext);
    free(loop->plaintext);
    tls_io_clear(&loop->tls);
    return false;
}

void loop_stop(struct loop *loop)
{
    uv_close((uv_handle_t *)&loop->tick, NULL);
}

void loop_clear(struct loop *loop)
{
    CHECK(uv_loop_close(&loop->uv) == 0); /* a handle left open would outlive its loop */
    free(loop->ciphertext);
    free(loop->plaintext);
    tls_io_clear(&loop->tls);
}
