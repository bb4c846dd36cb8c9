// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/reload_report.h"

#include <stdio.h>

#include "base/clock.h"

void reload_report_init(struct reload_report *report)
{
    *report = (struct reload_report){0};
    (void)pthread_mutex_init(&report->lock, NULL); /* cannot fail for a plain mutex */
}

void reload_report_clear(struct reload_report *report)
{
    (void)pthread_mutex_destroy(&report->lock); /* nobody holds it any more */
}

void reload_report_note(struct reload_report *report, const char *because, const char *error)
{
    struct reload_results *results = &report->results;
    (void)pthread_mutex_lock(&report->lock); /* a plain mutex cannot fail */
    if (error == NULL)
        results->succeeded++;
    else
        results->failed++;
    results->last_ms = clock_wall_ms();
    results->last_succeeded = error == NULL;
    (void)snprintf(results->because, sizeof results->because, "%s", because);
    (void)snprintf(results->error, sizeof results->error, "%s", error == NULL ? "" : error);
    (void)pthread_mutex_unlock(&report->lock);
}

struct reload_results reload_report_read(struct reload_report *report)
{
    (void)pthread_mutex_lock(&report->lock); /* a plain mutex cannot fail */
    struct reload_results copy = report->results;
    (void)pthread_mutex_unlock(&report->lock);
    return copy;
}
