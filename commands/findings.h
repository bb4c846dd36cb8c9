// SPDX-License-Identifier: GPL-3.0-or-later
/* How findings about a configuration are printed: FILE:LINE:COL: error|warning: text. */
#pragma once

#include "config/config.h"

/* A config_finding_fn; `arg` is the FILE * to print on. */
void print_finding(void *arg, const char *path, struct config_mark mark,
                   enum config_severity severity, const char *text);
