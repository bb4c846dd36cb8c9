// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/listener.h"

const struct door *doors_find(const struct doors *doors, const char *address)
{
    for (size_t i = 0; i < doors->count; i++)
        if (strcmp(doors->items[i].address, address) == 0) return &doors->items[i];
    return NULL;
}

static void close_fds(struct door *door)
{
    for (size_t i = 0; i < door->count; i++)
        (void)close(door->fds[i]); /* nothing was accepted from it here */
    door->count = 0;
}

static void clear(struct door *door, bool keep_file)
{
    close_fds(door);
    if (door->unix_path != NULL && !keep_file)
        (void)unlink(door->unix_path); /* it may be gone already */
    free(door->address);
    free(door->unix_path);
    free(door->fds);
}

/* ---------------------------------------------------------------------------------------- opening
 */

/* More sockets than one let the kernel spread clients over the workers; if that is not allowed any
 * more, since we are no longer root, the workers share those that are there. */
static bool bind_more(struct door *door, const struct config_address *address, size_t wanted,
                      struct err *err)
{
    while (door->count < wanted) {
        int fd = listener_bind(address, door->count == 0, err);
        if (fd < 0) return door->count > 0;
        door->fds[door->count++] = fd;
    }
    return true;
}

static bool fill(struct door *door, const struct config_address *address, unsigned workers,
                 const struct inherited *inherited, struct err *err)
{
    size_t there = inherited_count(inherited, address->text);
    size_t room = there > workers ? there : workers;
    door->address = strdup(address->text);
    door->unix_path = address->unix_path == NULL ? NULL : strdup(address->unix_path);
    door->fds = calloc(room, sizeof *door->fds);
    if (door->address == NULL || door->fds == NULL ||
        (address->unix_path != NULL && door->unix_path == NULL))
        return err_set(err, "out of memory");
    door->count = inherited_copy(inherited, address->text, door->fds);
    if (door->count < there)
        return err_set(err, "no copy of a listening socket: %s", strerror(EMFILE));
    if (address->fd_name != NULL)
        return there > 0 ||
               err_set(err,
                       "no socket named %s was passed in: give it that name with "
                       "FileDescriptorName= in its socket unit, and restart Postern by systemd",
                       address->fd_name);
    return bind_more(door, address, address->unix_path != NULL ? 1 : workers, err);
}

bool doors_open(struct doors *doors, const struct config *config, unsigned workers,
                const struct inherited *inherited, size_t *was, struct err *err)
{
    *was = doors->count;
    for (size_t i = 0; i < config->listeners_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        if (doors_find(doors, listener->address.text) != NULL) continue;
        struct door *items = reallocarray(doors->items, doors->count + 1, sizeof *items);
        struct door door = {0};
        if (items != NULL) doors->items = items;
        if (items == NULL) err_set(err, "out of memory");
        if (items == NULL || !fill(&door, &listener->address, workers, inherited, err)) {
            clear(&door, doors->keep_files || door.count == 0);
            doors_close_from(doors, *was);
            return err_prefix(err, "listener %s", listener->name);
        }
        items[doors->count++] = door;
    }
    return true;
}

/* --------------------------------------------------------------------------------------- closing
 */

static bool listens_on(const struct config *config, const char *address)
{
    for (size_t i = 0; config != NULL && i < config->listeners_count; i++)
        if (strcmp(config->listeners[i].address.text, address) == 0) return true;
    return false;
}

void doors_close(struct doors *doors, const struct config *config)
{
    size_t kept = 0;
    for (size_t i = 0; i < doors->count; i++) {
        if (listens_on(config, doors->items[i].address))
            doors->items[kept++] = doors->items[i];
        else
            clear(&doors->items[i], doors->keep_files);
    }
    doors->count = kept;
    if (kept > 0) return;
    free(doors->items);
    doors->items = NULL;
}

void doors_close_from(struct doors *doors, size_t count)
{
    while (doors->count > count)
        clear(&doors->items[--doors->count], doors->keep_files);
}

void doors_let_go(struct doors *doors)
{
    for (size_t i = 0; i < doors->count; i++)
        close_fds(&doors->items[i]);
}

size_t doors_share(const struct door *door, unsigned worker, unsigned workers)
{
    if (door->count == 0) return 0;
    if (worker >= door->count) return 1; /* shared with another one */
    return (door->count - worker + workers - 1) / workers;
}

int doors_copy(const struct door *door, unsigned worker, unsigned workers, size_t turn)
{
    size_t index = (worker + turn * workers) % door->count;
    return fcntl(door->fds[index], F_DUPFD_CLOEXEC, 0);
}
