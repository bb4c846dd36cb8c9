// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/timer_wheel.h"

#include <string.h>

static void put(struct timer **head, struct timer *timer)
{
    timer->next = *head;
    timer->link = head;
    if (*head != NULL) (*head)->link = &timer->next;
    *head = timer;
}

static struct timer **slot_of(struct timer_wheel *wheel, uint64_t time_ms)
{
    return &wheel->slots[time_ms / TIMER_WHEEL_TICK_MS % TIMER_WHEEL_SLOTS];
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->now_ms = now_ms;
}

void timer_clear(struct timer *timer)
{
    if (timer->link == NULL) return;
    *timer->link = timer->next;
    if (timer->next != NULL) timer->next->link = timer->link;
    timer->next = NULL;
    timer->link = NULL;
}

bool timer_is_set(const struct timer *timer)
{
    return timer->link != NULL;
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms, timer_fn *on_due)
{
    timer_clear(timer);
    timer->due_ms = wheel->now_ms + delay_ms;
    timer->on_due = on_due;
    /* The slot after the due time's, so that the slot is looked at when the time has passed. */
    put(slot_of(wheel, timer->due_ms + TIMER_WHEEL_TICK_MS), timer);
}

/* Moves what is due out of a slot; what is due in a later round of the wheel stays. */
static void collect(struct timer_wheel *wheel, struct timer **slot, uint64_t now_ms)
{
    struct timer *next = NULL;
    for (struct timer *timer = *slot; timer != NULL; timer = next) {
        next = timer->next;
        if (timer->due_ms > now_ms) continue;
        timer_clear(timer);
        put(&wheel->due, timer);
    }
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
    uint64_t tick = wheel->now_ms / TIMER_WHEEL_TICK_MS;
    uint64_t last = now_ms / TIMER_WHEEL_TICK_MS;
    if (now_ms <= wheel->now_ms) return;
    if (last - tick >= TIMER_WHEEL_SLOTS) tick = last - TIMER_WHEEL_SLOTS;
    while (tick < last)
        collect(wheel, slot_of(wheel, ++tick * TIMER_WHEEL_TICK_MS), now_ms);
    wheel->now_ms = now_ms;
    while (wheel->due != NULL) {
        struct timer *timer = wheel->due;
        timer_clear(timer);
        timer->on_due(timer);
    }
}
