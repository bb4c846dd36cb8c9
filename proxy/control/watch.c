// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct state {
    bool there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

struct watched {
    char *path;
    struct state told;
    struct state last;
};

struct watch {
    size_t count;
    size_t room;
    struct watched *files;
};

static struct state state_from(const struct stat *status)
{
    return (struct state){.there = true,
                          .device = status->st_dev,
                          .inode = status->st_ino,
                          .size = status->st_size,
                          .modified = status->st_mtim,
                          .changed = status->st_ctim};
}

/* Of what nobody may look at it is not known that it has changed: `before` stays. */
static struct state state_of(const char *path, const struct state *before)
{
    struct stat status;
    if (stat(path, &status) == 0) return state_from(&status);
    return errno == EACCES ? *before : (struct state){.there = false};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same(const struct state *a, const struct state *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && same_time(&a->modified, &b->modified) &&
           same_time(&a->changed, &b->changed);
}

static bool add(struct watch *watch, const char *path)
{
    if (path == NULL) return true;
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->files[i].path, path) == 0) return true;
    if (watch->count == watch->room) {
        size_t room = watch->room == 0 ? 16 : 2 * watch->room;
        struct watched *files = reallocarray(watch->files, room, sizeof *files);
        if (files == NULL) return false;
        watch->files = files;
        watch->room = room;
    }
    struct watched *file = &watch->files[watch->count];
    file->path = strdup(path);
    if (file->path == NULL) return false;
    file->told = state_of(path, &(struct state){.there = false});
    file->last = file->told;
    watch->count++;
    return true;
}

static bool add_tls(struct watch *watch, const struct config_tls *tls)
{
    bool has_staple = strcmp(tls->ocsp_stapling, "off") != 0 &&
                      strcmp(tls->ocsp_stapling, "auto") != 0;
    bool good = add(watch, has_staple ? tls->ocsp_stapling : NULL) &&
                add(watch, tls->session_tickets.key_file) && add(watch, tls->client_ca);
    for (size_t i = 0; good && i < tls->certificates_count; i++)
        good = add(watch, tls->certificates[i].certificate) &&
               add(watch, tls->certificates[i].private_key);
    for (size_t i = 0; good && i < tls->client_crl.count; i++)
        good = add(watch, tls->client_crl.items[i]);
    return good;
}

/* It has been read already, and may have been written since. */
static bool add_configuration(struct watch *watch, const struct config *config)
{
    if (!add(watch, config->path)) return false;
    if (watch->count > 0 && S_ISREG(config->file.st_mode))
        watch->files[0].told = state_from(&config->file);
    return true;
}

struct watch *watch_new(const struct config *config)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) return NULL;
    bool good = add_configuration(watch, config);
    for (size_t i = 0; good && i < config->listeners_count; i++)
        good = add_tls(watch, &config->listeners[i].tls);
    for (size_t i = 0; good && i < config->backends_count; i++)
        good = add(watch, config->backends[i].broker.password_file);
    for (size_t i = 0; i < config->policies_count; i++)
        for (size_t j = 0; good && j < config->policies[i].rules_count; j++)
            good = add(watch, config->policies[i].rules[j].connect.password_file);
    if (good) return watch;
    watch_free(watch);
    return NULL;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL) return;
    for (size_t i = 0; i < watch->count; i++)
        free(watch->files[i].path);
    free(watch->files);
    free(watch);
}

void watch_each(const struct watch *watch, void (*each)(void *arg, const char *path), void *arg)
{
    for (size_t i = 0; i < watch->count; i++)
        each(arg, watch->files[i].path);
}

/* Another file is whole when it appears, for it was moved there; the same one may be half written.
 */
static bool is_settled(const struct watched *file, const struct state *now)
{
    bool moved = now->there && file->told.there &&
                 (now->inode != file->told.inode || now->device != file->told.device);
    return moved || same(now, &file->last);
}

const char *watch_poll(struct watch *watch)
{
    const char *found = NULL;
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *file = &watch->files[i];
        struct state now = state_of(file->path, &file->told);
        bool settled = is_settled(file, &now);
        file->last = now;
        if (same(&now, &file->told) || !settled) continue;
        file->told = now;
        found = file->path;
    }
    return found;
}
