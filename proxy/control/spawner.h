// SPDX-License-Identifier: GPL-3.0-or-later
/* A tiny process that starts our successor when asked. It is forked before anything is read, so
 * that it has no key in its memory, and is in no sandbox, whose walls a successor would inherit. It
 * ends with us. Thread: the main one. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/err.h"

/* In the environment of a successor: the descriptor by which it speaks with us. */
#define SPAWNER_VARIABLE "POSTERN_PREDECESSOR"

struct spawner {
    int fd; /* -1: there is none */
};

/* Forks it; `argv` is what a successor is run by, borrowed until exit. No thread may run yet. A
 * failure is told when a successor is asked for. */
void spawner_start(struct spawner *spawner, char **argv);
/* It becomes `user` as well, if that is needed and it can. */
void spawner_drop_privileges(struct spawner *spawner, const char *user);
/* Starts a successor that has `channel`, which stays ours. False: told why. */
MUST_USE bool spawner_run(struct spawner *spawner, int channel, struct err *err);
/* Ends the successor that was started last, which has not become ready: by SIGTERM if it does not
 * go by itself, then by SIGKILL. Does not wait for that; another one is started only afterwards. */
void spawner_end(struct spawner *spawner);
void spawner_stop(struct spawner *spawner);
