// SPDX-License-Identifier: GPL-3.0-or-later
/* Asks a running Postern by the admin address of its configuration. */
#pragma once

#include <stdio.h>

#include "base/attributes.h"
#include "config/config.h"

/* Gives the configuration of the file (config_free), which has an admin address, or NULL: printed
 * why. */
struct config *admin_client_load(const char *path);
/* Writes what `path` answers to `out` and tells the status of HTTP, or 0: printed why nobody
 * answers. */
MUST_USE long admin_client_status(const struct config *config, const char *path, FILE *out);
/* Writes what `path` ("/api/v1/status") answers to `out`. False: printed why, and `out` may have
 * what was answered in its place. */
MUST_USE bool admin_client_ask(const struct config *config, const char *path, FILE *out);
