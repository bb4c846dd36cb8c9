// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "proxy/control/privileges.h"

enum { TICK_MS = 200, AGAIN_S = 2, NOTICE_S = 30 * 24 * 3600, DAY_S = 24 * 3600 };

/* -------------------------------------------------------------------------------------- reloading
 */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_texts(const struct config_strings *a, const struct config_strings *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same_text(a->items[i], b->items[i])) return false;
    return true;
}

static const struct config_backend *included(const struct config *config)
{
    for (size_t i = 0; i < config->backends_count; i++)
        if (config->backends[i].builtin_broker) return &config->backends[i];
    return NULL;
}

static bool same_limits(const struct config_broker *a, const struct config_broker *b)
{
    return a->max_keep_alive_s == b->max_keep_alive_s && a->receive_maximum == b->receive_maximum &&
           a->max_packet_size == b->max_packet_size &&
           a->topic_alias_maximum == b->topic_alias_maximum && a->max_sessions == b->max_sessions &&
           a->max_queued_messages == b->max_queued_messages &&
           a->max_queued_bytes == b->max_queued_bytes &&
           a->max_session_expiry_ms == b->max_session_expiry_ms && a->retain == b->retain &&
           a->max_retained_bytes == b->max_retained_bytes &&
           same_text(a->password_file, b->password_file) &&
           a->certificate_login == b->certificate_login &&
           a->sys_interval_ms == b->sys_interval_ms &&
           same_texts(&a->subscribe_deny, &b->subscribe_deny);
}

/* What a process is given once. */
static void note_fixed(const struct config *before, const struct config *after)
{
    if (before->workers != after->workers)
        log_note(LOG_WARN, "workers has changed: restart Postern to have it");
    if (!same_text(before->user, after->user))
        log_note(LOG_WARN, "user has changed: restart Postern to have it");
    if (before->log.level != after->log.level || before->log.format != after->log.format ||
        !same_text(before->log.file, after->log.file))
        log_note(LOG_WARN, "log has changed: restart Postern to have it");
    if (!same_text(before->admin.text, after->admin.text))
        log_note(LOG_WARN, "admin has changed: restart Postern to have it");
    const struct config_backend *old = included(before);
    const struct config_backend *new = included(after);
    if (old != NULL && new != NULL && !same_limits(&old->broker, &new->broker))
        log_note(LOG_WARN, "builtin_broker has changed: restart Postern to have it");
}

static bool install(struct reload *reload, struct config *config, struct err *err)
{
    struct fleet *fleet = reload->ties.fleet;
    const struct config *before = fleet->snapshot->config;
    if (included(config) != NULL && included(before) == NULL) {
        config_free(config);
        return err_set(err, "the included broker can be added at a restart only");
    }
    struct watch *watch = config->watch ? watch_new(config) : NULL;
    note_fixed(before, config);
    struct snapshot *snapshot = snapshot_new(&config, fleet->count, reload->ties.builtin,
                                             fleet->snapshot, err);
    if (snapshot == NULL || !fleet_install(fleet, snapshot, err)) {
        watch_free(watch);
        return false;
    }
    watch_free(reload->watch);
    reload->watch = watch;
    if (reload->ties.builtin->reload != NULL)
        reload->ties.builtin->reload(reload->ties.builtin->arg);
    return true;
}

/* That is no fault of a file, which nobody would change a second time. */
static bool passes_by_itself(const char *error)
{
    return strstr(error, strerror(EMFILE)) != NULL || strstr(error, strerror(ENFILE)) != NULL ||
           strstr(error, strerror(ENOMEM)) != NULL || strstr(error, "out of memory") != NULL;
}

void reload_now(struct reload *reload, const char *why)
{
    struct err err = {{0}};
    struct log_line line;
    notify_reloading(reload->ties.notify);
    struct config *config = reload->ties.source->load(reload->ties.source->arg, &err);
    bool done = config != NULL && install(reload, config, &err);
    if (done) reload->ties.on_loaded(reload->ties.arg);
    if (done) (void)privileges_lock_memory(); /* the start has told whether that is possible */
    reload_report_note(reload->ties.report, why, done ? NULL : err.text);
    notify_send(reload->ties.notify, "READY=1\nSTATUS=%s%s",
                done ? "Serving" : "Serving by the old configuration: ", done ? "" : err.text);
    log_begin(&line, done ? LOG_INFO : LOG_ERROR,
              done ? "configuration loaded" : "configuration not loaded, the old one stays");
    log_text(&line, "because", why);
    if (!done) log_text(&line, "error", err.text);
    log_end(&line);
    reload->again_at = !done && passes_by_itself(err.text) ? time(NULL) + AGAIN_S : 0;
}

/* ------------------------------------------------------------------------------------- calendar */

static void note_rule(const char *message, const struct config_rule *rule, time_t now)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, message);
    log_text(&line, "rule", rule->name);
    if (rule->until > now) log_number(&line, "days", (int64_t)(rule->until - now) / DAY_S);
    log_end(&line);
}

/* Whoever came in by a rule is judged by the others from its `until` on. */
static void look_at_calendar(struct reload *reload, time_t now)
{
    const struct config *config = reload->ties.fleet->snapshot->config;
    bool passed = false;
    bool notice = now - reload->last_notice >= DAY_S;
    for (size_t i = 0; i < config->policies_count; i++)
        for (size_t j = 0; j < config->policies[i].rules_count; j++) {
            const struct config_rule *rule = &config->policies[i].rules[j];
            if (rule->until == 0) continue;
            if (rule->until > reload->last_tick && rule->until <= now) {
                note_rule("a rule's until has come: it matches nobody any more", rule, now);
                passed = true;
            } else if (notice && rule->until > now && rule->until - now <= NOTICE_S) {
                note_rule("a rule's until is near: see who still needs it", rule, now);
            }
        }
    if (notice) reload->last_notice = now;
    reload->last_tick = now;
    if (passed) fleet_order(reload->ties.fleet, worker_recheck);
}

static void on_tick(uv_timer_t *timer)
{
    struct reload *reload = CONTAINER_OF(timer, struct reload, tick);
    time_t now = time(NULL);
    const char *changed = reload->watch == NULL ? NULL : watch_poll(reload->watch);
    if (changed != NULL) {
        char *why = strdup(changed); /* the watch that lends it is replaced by the reload */
        reload_now(reload, why == NULL ? "a file has changed" : why);
        free(why);
    } else if (reload->again_at != 0 && now >= reload->again_at) {
        reload_now(reload, "the last reload lacked descriptors or memory");
    }
    if (now != reload->last_tick) look_at_calendar(reload, now);
}

void reload_start(struct reload *reload, uv_loop_t *loop, const struct reload_ties *ties)
{
    reload->ties = *ties;
    reload->last_tick = time(NULL);
    (void)uv_timer_init(loop, &reload->tick); /* these always 0 */
    (void)uv_timer_start(&reload->tick, on_tick, TICK_MS, TICK_MS);
}

void reload_stop(struct reload *reload)
{
    watch_free(reload->watch);
    reload->watch = NULL;
}
