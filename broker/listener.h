// SPDX-License-Identifier: GPL-3.0-or-later
/* The ports and unix sockets that a broker listens on by itself. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/err.h"

struct broker;

/* HOST:PORT, [HOST]:PORT or unix:PATH; port 0: any that is free (the log says which). A name is
 * looked up, which may block. False: told why. */
MUST_USE bool listener_open(struct broker *broker, const char *address, struct err *err);
/* Accepts again where descriptors had run out. */
void listener_resume_all(struct broker *broker);
void listener_close_all(struct broker *broker);
