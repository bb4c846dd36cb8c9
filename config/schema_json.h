// SPDX-License-Identifier: GPL-3.0-or-later
/* The schema table as a JSON Schema (draft 2020-12), for editors. */
#pragma once

/* Gives the text (free), with a newline at its end. */
char *schema_json(void);
