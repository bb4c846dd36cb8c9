// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/fleet.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/admission/descriptors.h"
#include "proxy/listener.h"

/* --------------------------------------------------------------------------------------- binding
 */

/* The listener that a snapshot has on an address, or NULL. */
static const struct config_listener *listens_on(const struct snapshot *snapshot,
                                                const struct config_address *address)
{
    const struct config *config = snapshot == NULL ? NULL : snapshot->config;
    for (size_t i = 0; config != NULL && i < config->listeners_count; i++)
        if (strcmp(config->listeners[i].address.text, address->text) == 0)
            return &config->listeners[i];
    return NULL;
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; fds != NULL && i < count; i++)
        if (fds[i] >= 0) (void)close(fds[i]); /* nothing was accepted from it */
    free(fds);
}

static int bind_one(const int *fds, size_t listener, unsigned worker,
                    const struct config_address *address, struct err *err)
{
    bool shared = worker > 0 && address->unix_path != NULL;
    int fd = shared ? fcntl(fds[listener], F_DUPFD_CLOEXEC, 0)
                    : listener_bind(address, worker == 0, err);
    if (fd < 0 && shared) err_set(err, "no descriptor is left for a listener");
    return fd;
}

/* Sockets for what `snapshot` listens on and `previous` (NULL: nothing) does not; -1 for the rest.
 * NULL: told why. */
static int *bind_all(const struct snapshot *snapshot, const struct snapshot *previous,
                     unsigned workers, struct err *err)
{
    const struct config *config = snapshot->config;
    size_t count = config->listeners_count;
    int *fds = malloc(count * workers * sizeof *fds);
    if (fds == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    memset(fds, 0xff, count * workers * sizeof *fds); /* -1 */
    for (unsigned worker = 0; worker < workers; worker++)
        for (size_t i = 0; i < count; i++) {
            const struct config_listener *listener = &config->listeners[i];
            if (listens_on(previous, &listener->address) != NULL) continue;
            int *fd = &fds[worker * count + i];
            *fd = bind_one(fds, i, worker, &listener->address, err);
            if (*fd >= 0) continue;
            err_prefix(err, "listener %s", listener->name);
            close_all(fds, count * workers);
            return NULL;
        }
    return fds;
}

bool fleet_bind(struct fleet *fleet, struct snapshot *snapshot, unsigned workers, struct err *err)
{
    fleet->snapshot = snapshot;
    fleet->count = workers;
    fleet->fds = bind_all(snapshot, NULL, workers, err);
    return fleet->fds != NULL;
}

/* -------------------------------------------------------------------------------------- workers */

bool fleet_start(struct fleet *fleet, struct err *err)
{
    size_t listeners = fleet->snapshot->config->listeners_count;
    fleet->workers = calloc(fleet->count, sizeof(struct worker *));
    if (fleet->workers == NULL) return err_set(err, "out of memory");
    for (unsigned i = 0; i < fleet->count; i++) {
        int *fds = &fleet->fds[i * listeners];
        fleet->workers[i] = worker_new(fleet->snapshot, fleet->inventory, i, fds, err);
        memset(fds, 0xff, listeners * sizeof *fds); /* it has taken them */
        if (fleet->workers[i] == NULL) return false;
    }
    descriptors_start(); /* from here on they are for clients, but for a reserve */
    for (unsigned i = 0; i < fleet->count; i++)
        if (!worker_start(fleet->workers[i], err)) return false;
    return true;
}

static void remove_sockets(const struct snapshot *snapshot, const struct snapshot *kept)
{
    const struct config *config = snapshot->config;
    for (size_t i = 0; i < config->listeners_count; i++) {
        const struct config_address *address = &config->listeners[i].address;
        if (address->unix_path != NULL && listens_on(kept, address) == NULL)
            (void)unlink(address->unix_path); /* it may be gone already */
    }
}

bool fleet_install(struct fleet *fleet, struct snapshot *snapshot, struct err *err)
{
    size_t listeners = snapshot->config->listeners_count;
    int *fds = bind_all(snapshot, fleet->snapshot, fleet->count, err);
    if (fds == NULL) {
        snapshot_unref(snapshot);
        return false;
    }
    for (unsigned i = 0; i < fleet->count; i++)
        CHECK(worker_install(fleet->workers[i], snapshot, &fds[i * listeners]));
    free(fds);
    remove_sockets(fleet->snapshot, snapshot);
    snapshot_unref(fleet->snapshot);
    fleet->snapshot = snapshot;
    return true;
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

void fleet_clear(struct fleet *fleet, bool served)
{
    for (unsigned i = 0; fleet->workers != NULL && i < fleet->count; i++)
        worker_free(fleet->workers[i]);
    free(fleet->workers);
    if (fleet->snapshot != NULL) {
        close_all(fleet->fds, fleet->count * fleet->snapshot->config->listeners_count);
        if (served) remove_sockets(fleet->snapshot, NULL);
    }
    snapshot_unref(fleet->snapshot);
}
