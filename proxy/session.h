// SPDX-License-Identifier: GPL-3.0-or-later
/* One client, from its first byte to its last: the one place that knows the order in which things
 * happen. Lives and dies on its loop's thread. */
#pragma once

#include <stddef.h>
#include <uv.h>

#include "base/attributes.h"
#include "proxy/loop.h"
#include "proxy/snapshot.h"

struct session;

/* The sessions of a worker. */
struct session_list {
    struct session *first;
    size_t count;
    bool draining; /* whoever has not been admitted yet is refused */
};

struct session_origin {
    struct loop *loop;
    struct snapshot *snapshot;
    size_t listener; /* index */
    struct session_list *list;
};

/* Accepts the connection that waits on `server` (a TCP or unix listening handle) and serves it; the
 * session keeps a reference to the snapshot and frees itself. Out of memory or of descriptors: the
 * connection is closed and the log says so. */
void session_accept(const struct session_origin *origin, uv_stream_t *server, bool is_unix);
/* Draining begins: clients that are not admitted yet are refused from now on (0x8B). */
void session_list_drain(struct session_list *list);
/* Ends all of them: MQTT 5 clients are told DISCONNECT 0x8B. */
void session_list_end(struct session_list *list);
/* The same, but waits for none of them to read it and go. */
void session_list_cut(struct session_list *list);
