// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/guard/guard.h"

#include <stdlib.h>

#include "proxy/guard/guard_private.h"

struct guard *guard_new(const struct guard_settings *settings)
{
    struct guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL) {
        topics_free(settings->publish);
        topics_free(settings->subscribe);
        return NULL;
    }
    guard->settings = *settings;
    return guard;
}

void guard_free(struct guard *guard)
{
    if (guard == NULL) return;
    topics_free(guard->settings.publish);
    topics_free(guard->settings.subscribe);
    buffer_clear(&guard->held);
    buffer_clear(&guard->answers);
    buffer_clear(&guard->suback);
    aliases_clear(&guard->aliases);
    while (guard->merges != NULL) {
        struct merge *next = guard->merges->next;
        free(guard->merges);
        guard->merges = next;
    }
    free(guard);
}

void guard_begin_inside(struct guard *guard, uint64_t client_left, uint64_t backend_left)
{
    guard->missed_aliases = true;
    guard->passing = client_left;
    guard->backend_passing = backend_left;
    guard->backend_begun = true;
}

void guard_set_topics(struct guard *guard, struct topics *publish, struct topics *subscribe,
                      bool close_on_violation)
{
    if (guard->settings.publish == NULL && publish != NULL) {
        aliases_clear(&guard->aliases); /* they may mean other topics by now */
        guard->missed_aliases = true;
    }
    topics_free(guard->settings.publish);
    topics_free(guard->settings.subscribe);
    guard->settings.publish = publish;
    guard->settings.subscribe = subscribe;
    guard->settings.close_on_violation = close_on_violation;
}

bool guard_may_publish(const struct guard *guard, struct span topic)
{
    return topics_may_publish(guard->settings.publish, topic);
}

struct guard_violation guard_violation(const struct guard *guard)
{
    return guard->violation;
}

uint64_t guard_publishes(const struct guard *guard)
{
    return guard->publishes;
}

enum guard_status guard_violate(struct guard *guard, uint8_t code, const char *reason)
{
    guard->violation = (struct guard_violation){code, reason};
    return GUARD_VIOLATION;
}
