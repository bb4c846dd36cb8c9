// SPDX-License-Identifier: GPL-3.0-or-later
/* The schema table as the page docs/configuration.md: every key, its type, default and meaning. */
#pragma once

/* Gives the page in Markdown (free). */
char *reference_page(void);
