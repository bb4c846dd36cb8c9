// SPDX-License-Identifier: GPL-3.0-or-later
/* Texts with ${...} filled in for one client: for its CONNECT and its topics. The names are those
 * of config/names.h, names_identity. */
#pragma once

#include "base/attributes.h"
#include "base/bytes.h"
#include "proxy/identity.h"

/* The value of `name` for this client; data NULL: it has none. `room` is for values that are made
 * here, and is borrowed as long as the value. Of a list of names in the certificate: the first. */
enum { FILL_ROOM = 64 };
struct span fill_value(struct span name, const struct facts *facts, char room[FILL_ROOM]);
/* Writes `template` with its names filled in, and `$$` as a dollar. False: the client has no value
 * for one of them, or an empty one, or `out` is full. */
MUST_USE bool fill_template(struct bytes_writer *out, const char *template,
                            const struct facts *facts);
/* Walks a template: gives the next piece, text or the name of a `${name}`; `*template` moves behind
 * it. False at the end. */
struct fill_piece {
    struct span text;
    bool is_name;
};
bool fill_next(const char **template, struct fill_piece *piece);
