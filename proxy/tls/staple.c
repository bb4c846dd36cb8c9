// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/tls/staple.h"

#include <stdlib.h>
#include <string.h>

void staple_init(struct staple *staple)
{
    *staple = (struct staple){.answer = NULL};
    (void)pthread_mutex_init(&staple->lock, NULL); /* cannot fail for a plain mutex */
}

void staple_clear(struct staple *staple)
{
    free(staple->answer);
    (void)pthread_mutex_destroy(&staple->lock); /* nobody holds it any more */
}

bool staple_set(struct staple *staple, struct span answer, time_t until)
{
    uint8_t *copy = malloc(answer.length);
    if (copy == NULL) return false;
    memcpy(copy, answer.data, answer.length);
    (void)pthread_mutex_lock(&staple->lock); /* a plain mutex cannot fail */
    uint8_t *before = staple->answer;
    staple->answer = copy;
    staple->length = answer.length;
    staple->until = until;
    (void)pthread_mutex_unlock(&staple->lock);
    free(before);
    return true;
}

bool staple_is_there(struct staple *staple, time_t *until)
{
    (void)pthread_mutex_lock(&staple->lock); /* a plain mutex cannot fail */
    bool there = staple->answer != NULL;
    *until = there ? staple->until : 0;
    (void)pthread_mutex_unlock(&staple->lock);
    return there;
}

uint8_t *staple_copy(struct staple *staple, size_t *length, time_t now,
                     void *(*allocate)(size_t size))
{
    uint8_t *copy = NULL;
    (void)pthread_mutex_lock(&staple->lock); /* a plain mutex cannot fail */
    bool in_force = staple->answer != NULL && (staple->until == 0 || now < staple->until);
    if (in_force) copy = allocate(staple->length);
    if (copy != NULL) {
        memcpy(copy, staple->answer, staple->length);
        *length = staple->length;
    }
    (void)pthread_mutex_unlock(&staple->lock);
    return copy;
}
