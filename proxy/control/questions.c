// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/questions.h"

enum {
    LOOKED_AT_AT_ONCE = 100, /* sessions in one turn of the loop: a millisecond or two */
    MOST_WAITING = 16
};

void questions_init(struct questions *questions, uv_loop_t *loop, struct session_list *sessions)
{
    *questions = (struct questions){.sessions = sessions};
    (void)pthread_mutex_init(&questions->lock, NULL); /* cannot fail for a plain mutex */
    (void)uv_idle_init(loop, &questions->answering);  /* always 0 */
}

bool questions_add(struct questions *questions, struct ask *ask)
{
    size_t waiting = 0;
    (void)pthread_mutex_lock(&questions->lock); /* a plain mutex cannot fail */
    struct ask **last = &questions->waiting;
    for (; *last != NULL; last = &(*last)->next)
        waiting++;
    bool taken = !questions->deaf && waiting < MOST_WAITING;
    if (taken) *last = ask_ref(ask);
    (void)pthread_mutex_unlock(&questions->lock);
    return taken;
}

static struct ask *take(struct questions *questions)
{
    (void)pthread_mutex_lock(&questions->lock); /* a plain mutex cannot fail */
    struct ask *ask = questions->waiting;
    if (ask != NULL) questions->waiting = ask->next;
    (void)pthread_mutex_unlock(&questions->lock);
    return ask;
}

static void on_answering(uv_idle_t *idle)
{
    struct questions *questions = CONTAINER_OF(idle, struct questions, answering);
    if (session_list_look(questions->sessions, LOOKED_AT_AT_ONCE)) return;
    ask_answer(questions->current, true);
    questions->current = NULL;
    (void)uv_idle_stop(idle); /* always 0 */
    questions_begin(questions);
}

void questions_begin(struct questions *questions)
{
    if (questions->current != NULL) return;
    questions->current = take(questions);
    if (questions->current == NULL) return;
    session_list_show(questions->sessions, ask_listing(questions->current));
    (void)uv_idle_start(&questions->answering, on_answering); /* fails only without a callback */
}

void questions_stop(struct questions *questions)
{
    (void)pthread_mutex_lock(&questions->lock); /* a plain mutex cannot fail */
    questions->deaf = true;
    (void)pthread_mutex_unlock(&questions->lock);
    questions->sessions->listing = NULL;
    if (questions->current != NULL) ask_answer(questions->current, false);
    questions->current = NULL;
    for (struct ask *ask = take(questions); ask != NULL; ask = take(questions))
        ask_answer(ask, false);
    uv_close((uv_handle_t *)&questions->answering, NULL);
}

void questions_clear(struct questions *questions)
{
    (void)pthread_mutex_destroy(&questions->lock); /* nobody holds it any more */
}
