// SPDX-License-Identifier: GPL-3.0-or-later
/* The schema table for people: every key, its type, default and meaning. */
#pragma once

#include <stdio.h>

#include "config/schema.h"

/* Gives the page docs/configuration.md in Markdown (free). */
char *reference_page(void);
/* Gives the same as the manual page postern.yaml(5), in roff (free). */
char *reference_man(void);

/* For both pages, in Markdown. */
extern const char reference_introduction[];
void reference_type(FILE *out, const struct schema_key *key);
void reference_default(FILE *out, const struct schema_key *key);
