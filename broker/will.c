// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/will.h"

#include <stdlib.h>

bool will_set(struct will **will, struct session *session, struct message *message,
              uint64_t delay_ms)
{
    assert(*will == NULL);
    *will = calloc(1, sizeof **will);
    if (*will == NULL) {
        message_unref(message);
        return false;
    }
    (*will)->message = message;
    (*will)->session = session;
    (*will)->delay_ms = delay_ms;
    return true;
}

void will_clear(struct will **will)
{
    message_unref(will_take(will, 0));
}

struct message *will_take(struct will **will, uint64_t now_ms)
{
    if (*will == NULL) return NULL;
    struct message *message = (*will)->message;
    timer_clear(&(*will)->delay);
    free(*will);
    *will = NULL;
    message_begin(message, now_ms);
    return message;
}
