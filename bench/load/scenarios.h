// SPDX-License-Identifier: GPL-3.0-or-later
/* What can be measured. Each runs to its end and prints one line of JSON. */
#pragma once

#include "bench/load/options.h"

void scenario_connects(const struct options *options);
void scenario_publishes(const struct options *options);
void scenario_latency(const struct options *options);
void scenario_hold(const struct options *options);
