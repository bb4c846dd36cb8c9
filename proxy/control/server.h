// SPDX-License-Identifier: GPL-3.0-or-later
/* The main thread of `run`: binds, starts the workers, obeys signals, lets clients go. */
#pragma once

#include "base/attributes.h"
#include "base/err.h"
#include "config/config.h"
#include "proxy/backend/pool.h"
#include "proxy/control/reload.h"
#include "proxy/control/spawner.h"

/* Serves until SIGTERM or SIGINT has drained it, or a second one ends it at once; prints
 * "postern: ready" on standard error when every listener accepts. Takes `*config`; borrows
 * `source`, which reads it again, `builtin`, which must serve until this returns, and `spawner`.
 * False: it could not start, told why.
 */
MUST_USE bool server_run(struct config **config, const struct config_source *source,
                         const struct builtin_broker *builtin, struct spawner *spawner,
                         struct err *err);
