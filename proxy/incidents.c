// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/incidents.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

struct incidents {
    pthread_mutex_t lock;
    size_t count; /* that have come */
    struct incident items[INCIDENTS_MOST];
};

struct incidents *incidents_new(void)
{
    struct incidents *incidents = calloc(1, sizeof *incidents);
    if (incidents != NULL) (void)pthread_mutex_init(&incidents->lock, NULL); /* cannot fail */
    return incidents;
}

void incidents_free(struct incidents *incidents)
{
    if (incidents == NULL) return;
    (void)pthread_mutex_destroy(&incidents->lock); /* nobody holds it any more */
    free(incidents);
}

void incidents_note(struct incidents *incidents, enum incident_kind kind, const char *reason,
                    const char *listener, const char *source, const char *client_id,
                    const char *sentence)
{
    if (incidents == NULL) return;
    (void)pthread_mutex_lock(&incidents->lock); /* a plain mutex cannot fail */
    struct incident *item = &incidents->items[incidents->count % INCIDENTS_MOST];
    incidents->count++;
    item->at_ms = clock_wall_ms();
    item->kind = kind;
    item->reason = reason;
    (void)text_printable(item->listener, sizeof item->listener, listener); /* these are cut */
    (void)text_printable(item->source, sizeof item->source, source);
    (void)text_printable(item->client_id, sizeof item->client_id,
                         client_id == NULL ? "" : client_id);
    (void)text_printable(item->sentence, sizeof item->sentence, sentence);
    (void)pthread_mutex_unlock(&incidents->lock);
}

size_t incidents_read(struct incidents *incidents, struct incident out[INCIDENTS_MOST])
{
    (void)pthread_mutex_lock(&incidents->lock); /* a plain mutex cannot fail */
    size_t count = incidents->count < INCIDENTS_MOST ? incidents->count : INCIDENTS_MOST;
    memcpy(out, incidents->items, count * sizeof *out);
    (void)pthread_mutex_unlock(&incidents->lock);
    return count;
}
