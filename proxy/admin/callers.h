// SPDX-License-Identifier: GPL-3.0-or-later
/* Who is connected to the admin address: when a thread has enough of them, those that are idle make
 * room, so that nobody keeps a probe waiting by asking nothing; and when it has nearly all that it
 * can have, anybody does, whoever did nothing for the longest first. Thread: any. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { CALLERS_MOST = 189 }; /* of three threads */

struct caller {
    int fd;           /* borrowed from whoever reports it; -1: a free place */
    pthread_t thread; /* that serves it */
    uint64_t turn_ms; /* when it came, asked or was answered */
    bool is_asking;   /* its answer is under way */
    bool is_leaving;
};

struct callers {
    pthread_mutex_t lock; /* around these */
    struct caller items[CALLERS_MOST];
};

void callers_init(struct callers *callers);
void callers_clear(struct callers *callers);
/* One has come to the calling thread with the connected socket `fd`, and others may have had
 * their sockets shut down for it. Gives its place, lent until callers_gone; NULL: there is none. */
struct caller *callers_came(struct callers *callers, int fd);
/* It asks something, or has its answer. NULL is fine, as below. */
void callers_turn(struct callers *callers, struct caller *caller, bool is_asking);
/* Before its socket is closed. */
void callers_gone(struct callers *callers, struct caller *caller);
