// SPDX-License-Identifier: GPL-3.0-or-later
/* What probe has seen, for people: one thing a line, the verdict last. */
#pragma once

#include <jansson.h>
#include <stdio.h>

void probe_print(FILE *out, const json_t *seen);
