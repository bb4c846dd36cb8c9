// SPDX-License-Identifier: GPL-3.0-or-later
/* The one way in for a configuration file: read, checked, and every certificate, key, CA and CRL
 * that it names looked at. `check` and `run` both begin so. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "base/attributes.h"
#include "config/config.h"

struct configuration_findings {
    size_t errors;   /* of the file, and of what it names */
    size_t outdated; /* how many of them are dates only, with which a proxy can start */
    size_t warnings;
};

/* Gives the configuration (config_free), or NULL when the file itself has an error. All findings
 * are printed on `out` in the order of the file and counted. An expired certificate is an error
 * that a proxy can start with. */
struct config *configuration_load(const char *path, FILE *out,
                                  struct configuration_findings *counted);
