// SPDX-License-Identifier: GPL-3.0-or-later
/* Everything that was found in a file, kept until the whole of it has been read and then told in
 * the order of the file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "config/config.h"

enum { DIAGNOSTICS_MAX = 1000 };

struct diagnostic {
    struct config_mark mark;
    enum config_severity severity;
    size_t order;
    char *text;
};

/* Zero-initialised is empty. */
struct diagnostics {
    struct diagnostic *items;
    size_t count;
    size_t room;
    size_t errors;  /* also those that found no room */
    size_t dropped; /* beyond DIAGNOSTICS_MAX */
};

void diagnostics_error(struct diagnostics *found, struct config_mark mark, const char *format, ...)
    PRINTF(3, 4);
void diagnostics_warning(struct diagnostics *found, struct config_mark mark, const char *format,
                         ...) PRINTF(3, 4);
/* Tells each finding to `tell`, by line and column. */
void diagnostics_tell(struct diagnostics *found, const char *path, config_finding_fn *tell,
                      void *arg);
void diagnostics_clear(struct diagnostics *found);
