// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/admission/descriptors.h"
#include "proxy/backend/slots.h"

/* --------------------------------------------------------------------------------------- sockets
 */

bool fleet_bind(struct fleet *fleet, struct snapshot *snapshot, unsigned workers, struct err *err)
{
    size_t was = 0;
    fleet->snapshot = snapshot;
    fleet->count = workers;
    return doors_open(&fleet->doors, snapshot->config, workers, &fleet->inherited, &was, err);
}

static void drop_sockets(struct worker_sockets *sockets, bool taken)
{
    for (size_t i = 0; i < sockets->count && !taken; i++)
        (void)close(sockets->items[i].fd); /* nothing was accepted from it */
    free(sockets->items);
    *sockets = (struct worker_sockets){0};
}

static bool add_sockets(struct worker_sockets *sockets, const struct fleet *fleet,
                        const struct door *door, size_t listener, unsigned worker, struct err *err)
{
    size_t share = doors_share(door, worker, fleet->count);
    struct worker_socket *items = reallocarray(sockets->items, sockets->count + share + 1,
                                               sizeof *items);
    if (items == NULL) return err_set(err, "out of memory");
    sockets->items = items;
    for (size_t turn = 0; turn < share; turn++) {
        int fd = doors_copy(door, worker, fleet->count, turn);
        if (fd < 0) return err_set(err, "no copy of a listening socket: %s", strerror(EMFILE));
        items[sockets->count++] = (struct worker_socket){listener, fd};
    }
    return true;
}

/* What one worker is to serve of the doors that were opened after the first `was`. False: told why;
 * drop_sockets is due in any case. */
static bool share_sockets(struct worker_sockets *sockets, const struct fleet *fleet,
                          const struct config *config, size_t was, unsigned worker, struct err *err)
{
    for (size_t i = 0; i < config->listeners_count; i++) {
        const struct door *door = doors_find(&fleet->doors, config->listeners[i].address.text);
        if (door < fleet->doors.items + was) continue;
        if (!add_sockets(sockets, fleet, door, i, worker, err)) return false;
    }
    return true;
}

/* -------------------------------------------------------------------------------------- workers */

bool fleet_start(struct fleet *fleet, struct err *err)
{
    fleet->workers = calloc(fleet->count, sizeof(struct worker *));
    if (fleet->workers == NULL) return err_set(err, "out of memory");
    for (unsigned i = 0; i < fleet->count; i++) {
        const struct worker_memory memory = {fleet->inventory,
                                             fleet->incidents == NULL ? NULL : fleet->incidents[i]};
        struct worker_sockets sockets = {0};
        bool shared = share_sockets(&sockets, fleet, fleet->snapshot->config, 0, i, err);
        if (shared) fleet->workers[i] = worker_new(fleet->snapshot, &memory, i, &sockets, err);
        drop_sockets(&sockets, shared);
        if (fleet->workers[i] == NULL) return false;
    }
    descriptors_start(); /* from here on they are for clients, but for a reserve */
    for (unsigned i = 0; i < fleet->count; i++)
        if (!worker_start(fleet->workers[i], err)) return false;
    return true;
}

static bool install(struct fleet *fleet, struct snapshot *snapshot, size_t was, struct err *err)
{
    struct worker_sockets *sockets = calloc(fleet->count, sizeof *sockets);
    bool good = true;
    if (sockets == NULL) return err_set(err, "out of memory");
    for (unsigned i = 0; good && i < fleet->count; i++)
        good = share_sockets(&sockets[i], fleet, snapshot->config, was, i, err);
    for (unsigned i = 0; good && i < fleet->count; i++)
        CHECK(worker_install(fleet->workers[i], snapshot, &sockets[i])); /* half would be worse */
    for (unsigned i = 0; i < fleet->count; i++)
        drop_sockets(&sockets[i], good);
    free(sockets);
    return good;
}

bool fleet_install(struct fleet *fleet, struct snapshot *snapshot, struct err *err)
{
    size_t was = 0;
    bool open = doors_open(&fleet->doors, snapshot->config, fleet->count, &fleet->inherited, &was,
                           err);
    if (!open || !install(fleet, snapshot, was, err)) {
        doors_close_from(&fleet->doors, was);
        snapshot_unref(snapshot);
        return false;
    }
    doors_close(&fleet->doors, snapshot->config);
    snapshot_unref(fleet->snapshot);
    fleet->snapshot = snapshot;
    for (size_t i = 0; i < snapshot->config->backends_count; i++)
        slots_publish(&snapshot->pools[i], clock_monotonic_ms());
    return true;
}

void fleet_drain(struct fleet *fleet)
{
    fleet_order(fleet, fleet->handed_over ? worker_hand_over : worker_drain);
    doors_let_go(&fleet->doors);
}

void fleet_order(const struct fleet *fleet, void (*order)(struct worker *worker))
{
    for (unsigned i = 0; fleet->workers != NULL && i < fleet->count; i++)
        if (fleet->workers[i] != NULL) order(fleet->workers[i]);
}

size_t fleet_sessions(const struct fleet *fleet)
{
    size_t count = 0;
    for (unsigned i = 0; i < fleet->count; i++)
        count += worker_sessions(fleet->workers[i]);
    return count;
}

bool fleet_is_empty(const struct fleet *fleet)
{
    for (unsigned i = 0; i < fleet->count; i++)
        if (!worker_is_empty(fleet->workers[i])) return false;
    return true;
}

void fleet_clear(struct fleet *fleet)
{
    for (unsigned i = 0; fleet->workers != NULL && i < fleet->count; i++)
        worker_free(fleet->workers[i]);
    free(fleet->workers);
    doors_close(&fleet->doors, NULL);
    inherited_clear(&fleet->inherited);
    snapshot_unref(fleet->snapshot);
}
