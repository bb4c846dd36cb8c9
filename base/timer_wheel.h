// SPDX-License-Identifier: GPL-3.0-or-later
/* Coarse deadlines for many objects: setting and clearing one are a few stores. Pure: the caller
 * says what time it is. Not for threads: one wheel per loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct timer;
typedef void timer_fn(struct timer *timer);

/* Embedded in what has a deadline; zero-initialised is "not set". */
struct timer {
    struct timer *next;
    struct timer **link; /* what points to this one; NULL: not set */
    uint64_t due_ms;
    timer_fn *on_due;
};

enum { TIMER_WHEEL_SLOTS = 1024, TIMER_WHEEL_TICK_MS = 64 };

struct timer_wheel {
    struct timer *slots[TIMER_WHEEL_SLOTS];
    struct timer *due;
    uint64_t now_ms;
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);
/* Calls `on_due` of each timer whose time has come, at most a tick late, never early; it may set,
 * clear and free any timer, its own as well. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);
/* (Re)starts `timer`, kept by the wheel until due or cleared, `delay_ms` after the wheel's time. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms, timer_fn *on_due);
void timer_clear(struct timer *timer);
bool timer_is_set(const struct timer *timer);
