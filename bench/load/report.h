// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <jansson.h>

/* Prints one line of JSON and lets go of it. */
void report(json_t *line);
