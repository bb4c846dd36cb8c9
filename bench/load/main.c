// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/load/options.h"
#include "bench/load/scenarios.h"

static const struct {
    const char *name;
    void (*run)(const struct options *options);
} scenarios[] = {
    {"connects",  scenario_connects },
    {"publishes", scenario_publishes},
    {"latency",   scenario_latency  },
    {"hold",      scenario_hold     }
};

int main(int argc, char **argv)
{
    struct options options;
    struct rlimit files;
    if (!options_read(&options, argc, argv)) return 2;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* a socket that cannot be had is told */
    }
    for (size_t i = 0; i < ARRAY_LENGTH(scenarios); i++)
        if (strcmp(scenarios[i].name, options.scenario) == 0) {
            scenarios[i].run(&options);
            return 0;
        }
    (void)fprintf(stderr, "load: no scenario is called %s\n", options.scenario);
    return 2;
}
