// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/loop.h"

#include <stdlib.h>

#include "base/clock.h"

static void on_tick(uv_timer_t *tick)
{
    struct loop *loop = CONTAINER_OF(tick, struct loop, tick);
    timer_wheel_advance(&loop->deadlines, clock_monotonic_ms());
}

static void take_off(struct loop *loop, struct loop_note *note)
{
    *note->link = note->next;
    if (note->next != NULL)
        note->next->link = note->link;
    else
        loop->notes_end = note->link;
    note->link = NULL;
}

static struct loop_note *next_note(struct loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock); /* a plain mutex cannot fail */
    struct loop_note *note = loop->notes;
    if (note != NULL) take_off(loop, note);
    (void)pthread_mutex_unlock(&loop->lock);
    return note;
}

static void on_arrival(uv_async_t *arrival)
{
    struct loop *loop = CONTAINER_OF(arrival, struct loop, arrival);
    for (struct loop_note *note = next_note(loop); note != NULL; note = next_note(loop))
        note->on_note(note);
}

void loop_post(struct loop *loop, struct loop_note *note)
{
    (void)pthread_mutex_lock(&loop->lock); /* a plain mutex cannot fail */
    note->next = NULL;
    note->link = loop->notes_end;
    *loop->notes_end = note;
    loop->notes_end = &note->next;
    (void)uv_async_send(&loop->arrival); /* fails only on a closed handle */
    (void)pthread_mutex_unlock(&loop->lock);
}

void loop_unpost(struct loop *loop, struct loop_note *note)
{
    (void)pthread_mutex_lock(&loop->lock); /* a plain mutex cannot fail */
    if (note->link != NULL) take_off(loop, note);
    (void)pthread_mutex_unlock(&loop->lock);
}

bool loop_init(struct loop *loop, unsigned number, struct err *err)
{
    *loop = (struct loop){.number = number};
    loop->turns_end = &loop->turns;
    loop->notes_end = &loop->notes;
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
    CHECK(uv_async_init(&loop->uv, &loop->arrival, on_arrival) == 0);
    (void)pthread_mutex_init(&loop->lock, NULL); /* cannot fail for a plain mutex */
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
    uv_close((uv_handle_t *)&loop->arrival, NULL);
}

void loop_clear(struct loop *loop)
{
    CHECK(uv_loop_close(&loop->uv) == 0); /* a handle left open would outlive its loop */
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop->ciphertext);
    free(loop->plaintext);
    tls_io_clear(&loop->tls);
}
