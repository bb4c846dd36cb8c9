// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/load/report.h"

#include "base/attributes.h"

void report(json_t *line)
{
    CHECK(line != NULL);
    CHECK(json_dumpf(line, stdout, JSON_REAL_PRECISION(6)) == 0);
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
    json_decref(line);
}
