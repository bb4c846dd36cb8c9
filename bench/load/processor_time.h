// SPDX-License-Identifier: GPL-3.0-or-later
/* What a server has cost so far, from /proc: load and server share a machine, so its throughput
 * alone would not tell. */
#pragma once

#include "bench/load/options.h"

/* User and system time of the processes together, microseconds; their threads count, also those
 * that have ended. */
double processor_time_us(const struct options *options);
