// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/will.h"

#include <stddef.h>

void will_set(struct will *will, struct message **message, uint64_t delay_ms)
{
    will_clear(will);
    will->message = *message;
    will->delay_ms = delay_ms;
    *message = NULL;
}

void will_clear(struct will *will)
{
    message_unref(will->message);
    will->message = NULL;
    timer_clear(&will->delay);
}

struct message *will_take(struct will *will, uint64_t now_ms)
{
    struct message *message = will->message;
    will->message = NULL;
    timer_clear(&will->delay);
    if (message != NULL) message_begin(message, now_ms);
    return message;
}
