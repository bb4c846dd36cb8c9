// SPDX-License-Identifier: GPL-3.0-or-later
/* Handshakes take turns. One costs what a thousand messages cost, so that a crowd of clients who
 * come back at once would keep those who are in waiting for seconds: they get so much of each turn
 * of the loop, and what is over waits for the next, behind who waits already. */
#include <stdlib.h>
#include <string.h>

#include "proxy/session_private.h"

enum { HANDSHAKES_NS = 50000 /* in one turn of the loop: one of them */ };

struct turn {
    struct turn *next;
    struct turn **link;
    struct session *session;
};

static void work(struct session *session, size_t length)
{
    struct loop *loop = session->loop; /* the session may be gone afterwards */
    uint64_t began_ns = uv_hrtime();
    session_read(session, length);
    loop->handshakes_ns += uv_hrtime() - began_ns;
}

static bool wait(struct session *session, size_t length)
{
    struct loop *loop = session->loop;
    struct turn *turn = malloc(sizeof *turn);
    if (turn == NULL || !session_hold(session, loop->ciphertext, length)) {
        free(turn);
        return false;
    }
    *turn = (struct turn){.link = loop->turns_end, .session = session};
    *loop->turns_end = turn;
    loop->turns_end = &turn->next;
    loop->turns_count++;
    session->turn = turn;
    endpoint_pause(session->relay.client);
    return true;
}

void session_leave_turn(struct session *session)
{
    struct loop *loop = session->loop;
    struct turn *turn = session->turn;
    if (turn == NULL) return;
    *turn->link = turn->next;
    if (turn->next != NULL)
        turn->next->link = turn->link;
    else
        loop->turns_end = turn->link;
    loop->turns_count--;
    session->turn = NULL;
    free(turn);
}

void session_read_in_turn(struct session *session, size_t length)
{
    struct loop *loop = session->loop;
    if (loop->turns_count == 0 && loop->handshakes_ns < HANDSHAKES_NS)
        work(session, length);
    else if (!wait(session, length))
        (void)session_end(session, "out_of_memory"); /* nothing follows here */
}

bool session_take_turns(struct loop *loop)
{
    loop->handshakes_ns = 0;
    while (loop->turns != NULL && loop->handshakes_ns < HANDSHAKES_NS) {
        struct session *session = loop->turns->session;
        session_leave_turn(session);
        endpoint_resume(session->relay.client);
        work(session, session_unhold(session));
    }
    return loop->turns != NULL;
}
