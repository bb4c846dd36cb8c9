// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/load/processor_time.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"

static double time_of(pid_t pid)
{
    char path[64];
    char text[1024];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL); /* the server has died: there is nothing to measure */
    CHECK(fgets(text, sizeof text, file) != NULL);
    (void)fclose(file); /* it was only read */
    /* The name, in brackets, may hold anything; the state is what comes behind it. */
    const char *behind = strrchr(text, ')');
    CHECK(behind != NULL);
    CHECK(sscanf(behind + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                 &system) == 2);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

double processor_time_us(const struct options *options)
{
    double sum = 0;
    for (size_t i = 0; i < options->server_pids_count; i++)
        sum += time_of(options->server_pids[i]);
    return sum;
}
