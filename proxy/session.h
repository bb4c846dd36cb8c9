// SPDX-License-Identifier: GPL-3.0-or-later
/* One client, from its first byte to its last: the one place that knows the order in which things
 * happen. Lives and dies on its loop's thread. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <uv.h>

#include "base/attributes.h"
#include "proxy/incidents.h"
#include "proxy/inventory.h"
#include "proxy/loop.h"
#include "proxy/snapshot.h"

struct session;

/* A question who is connected. */
struct session_query {
    const char *filter;   /* a part of what identifies a client, whatever its case; NULL: any */
    const char *listener; /* its name; NULL: any */
    size_t skip;          /* so many of those that match */
    size_t most;          /* and tell of so many */
};

/* What has been found so far. */
struct session_listing {
    struct session_query query; /* borrowed */
    struct session *next;       /* to look at */
    size_t matched;
    json_t *items; /* an array */
};

/* The sessions of a worker. */
struct session_list {
    struct session *first;
    size_t count;
    bool draining; /* whoever has not been admitted yet is refused, */
    bool admits;   /* but not if this is set */
    uint64_t drain_spread_ms;
    uint64_t drain_ends_ms;          /* by the loop's clock */
    struct snapshot *snapshot;       /* the one that clients are judged by now; borrowed */
    struct inventory *inventory;     /* borrowed; NULL: none is kept */
    struct incidents *incidents;     /* likewise */
    struct session *to_judge;        /* the next one of a recheck; NULL: none is going on */
    size_t condemned;                /* by the recheck that is going on */
    struct session_listing *listing; /* that is going on; NULL: none */
};

struct session_origin {
    struct loop *loop;
    struct snapshot *snapshot;
    size_t listener; /* index */
    struct session_list *list;
};

/* A connection, and what its listener has claimed for it. */
struct session_arrival {
    int fd;
    const struct sockaddr *peer;
    bool is_unix;
    bool has_token;       /* for a handshake */
    unsigned descriptors; /* claimed */
};

/* Serves a connection, which it takes in any case with all that was claimed for it; the session
 * keeps a reference to the snapshot and frees itself. False: out of memory. */
MUST_USE bool session_accept(const struct session_origin *origin,
                             const struct session_arrival *arrival);
/* Goes on with handshakes that have been put off, after everybody who is in has been served in this
 * turn of the loop. True: some are left, and the loop should not wait for anything. */
bool session_take_turns(struct loop *loop);
/* Judges every session again by the list's snapshot: begins anew, also when one is going on.
 * session_list_judge does the work, so that nobody waits for it: some sessions at a time. Those
 * that are admitted go on under the new snapshot; the others are ended one after the other, the
 * first ones at once and the last within `recheck_spread` of their policy. */
void session_list_recheck(struct session_list *list);
/* Goes on with up to `most` sessions. False: it is done. */
bool session_list_judge(struct session_list *list, size_t most);
/* Looks for sessions, the newest first; session_list_look does the work, some sessions at a time.
 * Only one listing at a time. */
void session_list_show(struct session_list *list, struct session_listing *listing);
/* Goes on with up to `most` sessions. False: it is done. */
bool session_list_look(struct session_list *list, size_t most);
/* Draining begins: clients that are not admitted yet are refused from now on (0x8B), the others are
 * told to go one after the other, in a random order within `spread_ms`: MQTT 5 clients by
 * DISCONNECT 0x8B, or 0x9C where the configuration names another server. Nobody is cut in the
 * middle of a packet before `timeout_ms` is over, when session_list_end is due. With `list->admits`
 * those who are not admitted yet may be, and are told later. */
void session_list_drain(struct session_list *list, uint64_t spread_ms, uint64_t timeout_ms);
/* Ends all of them, and tells MQTT 5 clients as above. */
void session_list_end(struct session_list *list);
/* The same, but waits for none of them to read it and go. */
void session_list_cut(struct session_list *list);
