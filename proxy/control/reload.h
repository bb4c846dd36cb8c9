// SPDX-License-Identifier: GPL-3.0-or-later
/* Another configuration while clients are served: on SIGHUP, and when a file that it is made of has
 * changed. All or nothing: what is wrong is said in the log, and the old one stays in force. Also
 * what only the calendar changes: rules whose `until` has come. Thread: the main one. */
#pragma once

#include <time.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/backend/pool.h"
#include "proxy/control/fleet.h"
#include "proxy/control/notify.h"
#include "proxy/control/watch.h"
#include "proxy/reload_report.h"

/* Reads the configuration again: gives it, or NULL: all that is wrong has been logged, and the
 * first of it is told. */
struct config_source {
    struct config *(*load)(void *arg, struct err *err);
    void *arg;
};

/* Whom it concerns; all are borrowed. */
struct reload_ties {
    struct fleet *fleet;
    const struct config_source *source;
    const struct builtin_broker *builtin;
    struct reload_report *report;
    const struct notify *notify;
    void (*on_loaded)(void *arg); /* the fleet serves by another generation */
    void *arg;
};

struct reload {
    struct reload_ties ties;
    uv_timer_t tick;
    struct watch *watch; /* NULL: `watch` is off */
    time_t last_tick;
    time_t again_at; /* a reload that failed for want of descriptors or memory; 0: none did */
    time_t last_notice;
};

/* Begins to look at `reload->watch`, which is of before the files were read, and taken; reload_stop
 * is due. What else is in `reload` is zero. */
void reload_start(struct reload *reload, uv_loop_t *loop, const struct reload_ties *ties);
/* Loads everything again; `why` goes to the log. */
void reload_now(struct reload *reload, const char *why);
/* The timer is closed by whoever closes the loop's handles. */
void reload_stop(struct reload *reload);
