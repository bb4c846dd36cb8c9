// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/callers.h"

#include <stddef.h>
#include <sys/socket.h>

#include "base/clock.h"

/* Of a thread, which accepts ten at a time and has at most 63. */
enum { KEPT_IDLE = 21, KEPT_ANY = 50, IDLE_MS = 250 };

void callers_init(struct callers *callers)
{
    *callers = (struct callers){.items = {{0}}};
    (void)pthread_mutex_init(&callers->lock, NULL); /* cannot fail for a plain mutex */
    for (unsigned i = 0; i < CALLERS_MOST; i++)
        callers->items[i].fd = -1;
}

void callers_clear(struct callers *callers)
{
    (void)pthread_mutex_destroy(&callers->lock); /* nobody holds it any more */
}

static bool leaves_first(const struct caller *a, const struct caller *b)
{
    if (a->is_asking != b->is_asking) return b->is_asking;
    return a->turn_ms < b->turn_ms;
}

/* Counts those of the thread of `newest`, and gives the one of them that leaves first. */
static struct caller *look(struct callers *callers, const struct caller *newest, unsigned *count)
{
    struct caller *first = NULL;
    *count = 0;
    for (unsigned i = 0; i < CALLERS_MOST; i++) {
        struct caller *one = &callers->items[i];
        if (one->fd < 0 || one->is_leaving || !pthread_equal(one->thread, newest->thread)) continue;
        ++*count;
        if (one != newest && (first == NULL || leaves_first(one, first))) first = one;
    }
    return first;
}

/* The thread that serves them notices, closes them, and says so. Of a crowd that has just come
 * nobody has had the time to ask. */
static void make_room(struct callers *callers, const struct caller *newest)
{
    unsigned count = 0;
    for (;;) {
        struct caller *first = look(callers, newest, &count);
        bool is_idle = first != NULL && !first->is_asking &&
                       newest->turn_ms - first->turn_ms >= IDLE_MS;
        if (first == NULL || count <= (is_idle ? KEPT_IDLE : KEPT_ANY)) return;
        first->is_leaving = true;
        (void)shutdown(first->fd, SHUT_RDWR); /* fails where the peer has left by itself */
    }
}

struct caller *callers_came(struct callers *callers, int fd)
{
    struct caller *found = NULL;
    (void)pthread_mutex_lock(&callers->lock); /* a plain mutex cannot fail */
    for (unsigned i = 0; found == NULL && i < CALLERS_MOST; i++)
        if (callers->items[i].fd < 0) found = &callers->items[i];
    if (found != NULL) {
        *found = (struct caller){fd, pthread_self(), clock_monotonic_ms(), false, false};
        make_room(callers, found);
    }
    (void)pthread_mutex_unlock(&callers->lock);
    return found;
}

void callers_turn(struct callers *callers, struct caller *caller, bool is_asking)
{
    if (caller == NULL) return;
    (void)pthread_mutex_lock(&callers->lock); /* a plain mutex cannot fail */
    caller->is_asking = is_asking;
    caller->turn_ms = clock_monotonic_ms();
    (void)pthread_mutex_unlock(&callers->lock);
}

void callers_gone(struct callers *callers, struct caller *caller)
{
    if (caller == NULL) return;
    (void)pthread_mutex_lock(&callers->lock); /* a plain mutex cannot fail */
    caller->fd = -1;
    (void)pthread_mutex_unlock(&callers->lock);
}
