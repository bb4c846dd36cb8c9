// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/ocsp_refresh.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "certs/stapled.h"
#include "proxy/control/ocsp_fetch.h"

enum {
    TICK_MS = 1000,
    FIRST_RETRY_S = 10,
    LONGEST_RETRY_S = 3600,
    USUAL_LIFETIME_S = 24 * 3600, /* of an answer that does not say how long it holds */
    MOST_FETCHES = 4
};

/* A certificate file whose answer is kept. */
struct subject {
    struct subject *next;
    struct ocsp_refresh *refresh;
    char *path;
    char url[OCSP_URL_ROOM];
    struct stapled stapled;
    bool wanted;     /* by the generation that serves now */
    bool waiting;    /* for an answer: the thread below has the rest of this */
    struct err told; /* why it fails, so that another cause is told as well */
    time_t due;
    unsigned retry_s;
    uint8_t *answer; /* the last good one */
    size_t answer_length;
    time_t until;
    uv_work_t work;
    uint8_t *fetched;
    size_t fetched_length;
    struct err err;
};

struct ocsp_refresh {
    uv_timer_t tick;
    uv_loop_t *loop;
    const struct fleet *fleet;
    struct subject *subjects;
    unsigned fetches;
    atomic_bool stopping; /* read by the fetching threads */
};

/* --------------------------------------------------------------------------------------- stapling
 */

static void staple_everywhere(const struct ocsp_refresh *refresh, const struct subject *subject)
{
    const struct snapshot *snapshot = refresh->fleet->snapshot;
    const struct config *config = snapshot->config;
    if (subject->answer == NULL) return;
    for (size_t i = 0; i < config->listeners_count; i++) {
        const struct config_tls *tls = &config->listeners[i].tls;
        if (strcmp(tls->ocsp_stapling, "auto") != 0) continue;
        for (size_t j = 0; j < tls->certificates_count; j++) {
            if (strcmp(tls->certificates[j].certificate, subject->path) != 0) continue;
            for (unsigned worker = 0; worker < snapshot->workers; worker++)
                if (!staple_set(&snapshot->listeners[i].tls[worker]->items[j].staple,
                                (struct span){subject->answer, subject->answer_length},
                                subject->until))
                    log_note(LOG_ERROR, "an OCSP answer was not stapled: out of memory");
        }
    }
}

static void log_subject(enum log_level level, const char *message, const struct subject *subject,
                        const char *error)
{
    struct log_line line;
    log_begin(&line, level, message);
    log_text(&line, "certificate", subject->path);
    log_text(&line, "responder", subject->url);
    if (error != NULL) log_text(&line, "error", error);
    log_end(&line);
}

/* Half of the time that is left is for trying again. */
static void plan_next(struct subject *subject, const struct ocsp_answer *answer, time_t now)
{
    subject->until = answer->next_update != 0 ? answer->next_update : now + USUAL_LIFETIME_S;
    time_t wait = (subject->until - now) / 2;
    subject->due = now + (wait < FIRST_RETRY_S ? FIRST_RETRY_S : wait);
    subject->retry_s = FIRST_RETRY_S;
    subject->told = (struct err){{0}};
}

static void keep_answer(struct subject *subject, time_t now)
{
    struct ocsp_answer answer;
    struct span response = {subject->fetched, subject->fetched_length};
    if (!ocsp_response_read(&answer, response, &subject->stapled.leaf, &subject->stapled.issuer,
                            now, &subject->err))
        return;
    if (answer.state != OCSP_GOOD) {
        err_set(&subject->err, "the responder says that the certificate is %s",
                answer.state == OCSP_REVOKED ? "revoked: replace it at once" : "not known to it");
        return;
    }
    free(subject->answer);
    subject->answer = subject->fetched;
    subject->answer_length = subject->fetched_length;
    subject->fetched = NULL;
    plan_next(subject, &answer, now);
    staple_everywhere(subject->refresh, subject);
    log_subject(LOG_INFO, "OCSP answer stapled", subject, NULL);
}

/* -------------------------------------------------------------------------------------- fetching
 */

/* On a thread of libuv's. */
static void fetch(uv_work_t *work)
{
    struct subject *subject = CONTAINER_OF(work, struct subject, work);
    uint8_t request[OCSP_REQUEST_ROOM];
    size_t length = ocsp_request_encode(request, &subject->stapled.leaf, &subject->stapled.issuer);
    subject->fetched = ocsp_fetch(subject->url, (struct span){request, length},
                                  &subject->refresh->stopping, &subject->fetched_length,
                                  &subject->err);
}

static void free_subject(struct subject *subject)
{
    stapled_clear(&subject->stapled);
    free(subject->answer);
    free(subject->fetched);
    free(subject->path);
    free(subject);
}

static void try_later(struct subject *subject, time_t now)
{
    subject->due = now + subject->retry_s;
    subject->retry_s = subject->retry_s * 2 > LONGEST_RETRY_S ? LONGEST_RETRY_S
                                                              : subject->retry_s * 2;
    if (strcmp(subject->told.text, subject->err.text) != 0)
        log_subject(LOG_WARN,
                    subject->answer == NULL ? "no OCSP answer to staple"
                                            : "no new OCSP answer, the last good one stays",
                    subject, subject->err.text);
    subject->told = subject->err;
}

static void on_fetched(uv_work_t *work, int status)
{
    struct subject *subject = CONTAINER_OF(work, struct subject, work);
    struct ocsp_refresh *refresh = subject->refresh;
    time_t now = time(NULL);
    subject->waiting = false;
    refresh->fetches--;
    if (atomic_load(&refresh->stopping)) return;
    if (status == 0 && subject->fetched != NULL) keep_answer(subject, now);
    if (subject->fetched != NULL || subject->err.text[0] != '\0') try_later(subject, now);
    free(subject->fetched);
    subject->fetched = NULL;
}

static void begin(struct ocsp_refresh *refresh, struct subject *subject)
{
    subject->err = (struct err){{0}};
    subject->waiting = true;
    refresh->fetches++;
    CHECK(uv_queue_work(refresh->loop, &subject->work, fetch, on_fetched) == 0);
}

/* --------------------------------------------------------------------------------------- subjects
 */

static struct subject *find(const struct ocsp_refresh *refresh, const char *path)
{
    for (struct subject *subject = refresh->subjects; subject != NULL; subject = subject->next)
        if (subject->path != NULL && strcmp(subject->path, path) == 0) return subject;
    return NULL;
}

static bool is_same_leaf(const struct subject *subject, const struct stapled *stapled)
{
    return span_equal(subject->stapled.leaf.der, stapled->leaf.der) &&
           span_equal(subject->stapled.issuer.der, stapled->issuer.der);
}

static void add_subject(struct ocsp_refresh *refresh, const char *path)
{
    struct err err;
    struct stapled stapled;
    if (!stapled_load(&stapled, path, &err)) return; /* check has said so */
    struct subject *subject = find(refresh, path);
    if (subject != NULL && is_same_leaf(subject, &stapled)) {
        stapled_clear(&stapled);
        subject->wanted = true;
        staple_everywhere(refresh, subject);
        return;
    }
    subject = calloc(1, sizeof *subject);
    if (subject != NULL) subject->path = strdup(path);
    if (subject == NULL || subject->path == NULL ||
        !ocsp_responder_of(&stapled.leaf, subject->url)) {
        if (subject != NULL) free(subject->path);
        free(subject);
        stapled_clear(&stapled);
        return;
    }
    subject->refresh = refresh;
    subject->stapled = stapled;
    subject->wanted = true;
    subject->retry_s = FIRST_RETRY_S;
    subject->next = refresh->subjects;
    refresh->subjects = subject;
}

static void drop_unwanted(struct ocsp_refresh *refresh)
{
    struct subject **link = &refresh->subjects;
    while (*link != NULL) {
        struct subject *subject = *link;
        if (subject->wanted || subject->waiting) {
            link = &subject->next;
            continue;
        }
        *link = subject->next;
        free_subject(subject);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct ocsp_refresh *refresh = CONTAINER_OF(timer, struct ocsp_refresh, tick);
    time_t now = time(NULL);
    for (struct subject *subject = refresh->subjects; subject != NULL; subject = subject->next)
        if (subject->wanted && !subject->waiting && now >= subject->due &&
            refresh->fetches < MOST_FETCHES)
            begin(refresh, subject);
}

void ocsp_refresh_look(struct ocsp_refresh *refresh)
{
    const struct config *config = refresh->fleet->snapshot->config;
    for (struct subject *subject = refresh->subjects; subject != NULL; subject = subject->next)
        subject->wanted = false;
    for (size_t i = 0; i < config->listeners_count; i++) {
        const struct config_tls *tls = &config->listeners[i].tls;
        if (strcmp(tls->ocsp_stapling, "auto") != 0) continue;
        for (size_t j = 0; j < tls->certificates_count; j++)
            add_subject(refresh, tls->certificates[j].certificate);
    }
    drop_unwanted(refresh);
    if (refresh->subjects == NULL)
        (void)uv_timer_stop(&refresh->tick); /* these always 0 */
    else
        (void)uv_timer_start(&refresh->tick, on_tick, 0, TICK_MS);
}

struct ocsp_refresh *ocsp_refresh_start(uv_loop_t *loop, const struct fleet *fleet)
{
    struct ocsp_refresh *refresh = calloc(1, sizeof *refresh);
    if (refresh == NULL) return NULL;
    refresh->loop = loop;
    refresh->fleet = fleet;
    (void)uv_timer_init(loop, &refresh->tick); /* always 0 */
    ocsp_refresh_look(refresh);
    return refresh;
}

void ocsp_refresh_stop(struct ocsp_refresh *refresh)
{
    if (refresh != NULL) atomic_store(&refresh->stopping, true);
}

void ocsp_refresh_free(struct ocsp_refresh *refresh)
{
    if (refresh == NULL) return;
    assert(refresh->fetches == 0);
    while (refresh->subjects != NULL) {
        struct subject *next = refresh->subjects->next;
        free_subject(refresh->subjects);
        refresh->subjects = next;
    }
    free(refresh);
}
