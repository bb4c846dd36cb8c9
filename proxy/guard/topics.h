// SPDX-License-Identifier: GPL-3.0-or-later
/* The topics of a rule for one client: its filters with the client's own names filled in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "config/config.h"
#include "proxy/identity.h"

struct topics;

/* Gives the filters of `config` for this client (topics_free), or NULL: out of memory. A value with
 * a wildcard or a slash in it could make a filter wider than its writer meant: such an `allow` is
 * left out, and such a `deny` that is no filter any more denies everything. A filter that names
 * what the client does not have is left out. */
struct topics *topics_new(const struct config_topics *config, const struct facts *facts);
void topics_free(struct topics *topics);
/* Lends the filters that are enforced, `allow` or `deny`, and says how many they are. */
size_t topics_filters(const struct topics *topics, bool denies, const struct span **filters);
/* NULL allows everything. */
bool topics_may_publish(const struct topics *topics, struct span topic);
/* Every topic that the filter could bring must be allowed, and none of them denied. */
bool topics_may_subscribe(const struct topics *topics, struct span filter);
