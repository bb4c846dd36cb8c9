// SPDX-License-Identifier: GPL-3.0-or-later
/* From the configuration's map to the broker's own struct: neither folder knows the other. */
#pragma once

#include "broker/broker.h"
#include "config/config.h"

struct broker_limits broker_limits_of(const struct config_broker *config);
/* What $SYS/broker/version says. */
const char *broker_version(void);
/* Borrows from `config`. */
struct broker_access broker_access_of(const struct config_broker *config);
