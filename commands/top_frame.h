// SPDX-License-Identifier: GPL-3.0-or-later
/* One picture of `postern top`: what the admin address says, as lines of text. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/attributes.h"

struct top_reports {
    json_t *status;
    json_t *backends;
    json_t *certificates;
    json_t *history;
};

struct top_screen {
    unsigned width; /* columns; longer lines are cut */
    unsigned height;
    bool colours;
    bool lines; /* it shows UTF-8 */
};

/* Writes a picture of at most `height` lines. `before` (NULL: none) is a status of `seconds` ago,
 * for rates. What clients sent is made printable. */
void top_frame(FILE *out, const struct top_reports *reports, const json_t *before, double seconds,
               const struct top_screen *screen);
