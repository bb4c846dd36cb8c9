// SPDX-License-Identifier: GPL-3.0-or-later
/* What must hold between keys: names that refer to one another, versions in order, servers that
 * plaintext may travel to, rules that can never hold. */
#pragma once

#include "config/bind.h"
#include "config/config.h"

/* Completes `config` (default names, indices) and tells what is wrong to `bind->found`. Everything
 * has been bound and sealed; after earlier findings fields may be NULL. */
void validate(struct bind *bind, struct config *config);
/* The parts of it that are about names (validate_names.c), backends (validate_backend.c) and rules
 * (validate_policy.c). */
void validate_names(struct bind *bind, struct config *config);
void validate_backends(struct bind *bind, const struct config *config);
void validate_policies(struct bind *bind, struct config *config);
/* The map of `builtin_broker` (validate_policy.c). */
void validate_broker(struct bind *bind, const struct config_broker *broker);
