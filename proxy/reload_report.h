// SPDX-License-Identifier: GPL-3.0-or-later
/* How the reloads of the configuration have gone so far: written by the main thread, read by any.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct reload_results {
    uint64_t succeeded;
    uint64_t failed;
    int64_t last_ms;     /* when the last one was, by the wall clock; 0: there was none yet */
    bool last_succeeded; /* if not, the configuration of before is in force */
    char because[256];   /* what the last one was for: "SIGHUP", or the path of a file */
    char error[1024];    /* of the last one: a sentence; "": it succeeded */
};

struct reload_report {
    pthread_mutex_t lock;
    struct reload_results results;
};

void reload_report_init(struct reload_report *report);
void reload_report_clear(struct reload_report *report);
/* Counts one more; `error` NULL: it succeeded. */
void reload_report_note(struct reload_report *report, const char *because, const char *error);
/* A copy as of now. */
struct reload_results reload_report_read(struct reload_report *report);
